import { explain, formatIdentity, parseVolumeKey, type VolumeName } from "../../../storage/identity/index.js"
import { formatInstant, type Snapshot } from "../../../storage/index.js"
import { type FleetRepository, isPerVolume } from "../../answers/index.js"
import { type Catalog, identityText, type PlaceView } from "../../catalog/index.js"
import type { SnapshotIntegrity } from "../../findings/index.js"
import type { SnapshotsJson } from "../../http/contract/admin.js"
import { renderSnapshot } from "../../http/contract/render-snapshot.js"
import { HttpError } from "../../http/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import type { FleetPlaces } from "./fleet-places.js"

export interface SnapshotFilter {
  readonly repository?: string | undefined
  readonly namespace?: string | undefined
  readonly pvc?: string | undefined
}

export interface SnapshotRowsParts {
  readonly keeper: FleetKeeper
  readonly places: FleetPlaces
  readonly catalog: Pick<Catalog, "snapshots">
  readonly integrity: Pick<SnapshotIntegrity, "damageOf" | "proofOf">
}

type SnapshotRow = SnapshotsJson["snapshots"][number]

/** Looked up without a pause. */
const STEP = 200

/** What is shown of the snapshots in one declared repository. */
export class SnapshotRows {
  readonly #parts: SnapshotRowsParts

  constructor(parts: SnapshotRowsParts) {
    this.#parts = parts
  }

  /** Oldest first. Throws HttpError 503 when anything that was asked for cannot be listed: a part must not pass for all. */
  async rows(filter: SnapshotFilter): Promise<SnapshotsJson> {
    const repository = this.#chosen(filter.repository)
    const views = this.#parts.places.of(repository)
    const found: { snapshot: Snapshot; row: SnapshotRow }[] = []
    for (const view of views) {
      const own = this.#parts.places.volumeAt(repository, view)
      if (isPerVolume(repository) && !fits(own, filter)) continue
      demandListing(view)
      for (const snapshot of await this.#parts.catalog.snapshots(view.spec.place)) {
        const volume = own ?? volumeOf(repository, snapshot)
        const identity =
          repository.entry.engine === "kopia" ? identityText("kopia", snapshot.source) : view.spec.directory
        if (!fits(volume, filter)) continue
        const row = { ...renderSnapshot(snapshot, identity, volume), ...this.#proven(view, snapshot) }
        found.push({ snapshot, row })
        if (found.length % STEP === 0) await new Promise(setImmediate)
      }
    }
    found.sort((a, b) =>
      a.snapshot.start < b.snapshot.start ? -1 : a.snapshot.start > b.snapshot.start ? 1 : 0,
    )
    const header = isPerVolume(repository) ? undefined : views[0]?.generation?.header
    return {
      repository: {
        engine: repository.entry.engine,
        id: header?.repositoryId ?? "",
        formatVersion: header?.formatVersion ?? null,
      },
      snapshots: found.map(({ row }) => row),
    }
  }

  /** What reading proved of it. That it was listed proves that it is there. */
  #proven({ spec, generation }: PlaceView, snapshot: Snapshot): Pick<SnapshotRow, "verified" | "damage"> {
    const { integrity } = this.#parts
    const damage = integrity.damageOf(spec.place, snapshot)
    if (damage !== undefined) {
      const { level, at, reasons, paths, sample } = damage
      return {
        verified: null,
        damage: { level, at: timeText(at), reasons: [...reasons], paths, sample: [...sample] },
      }
    }
    const listed = generation && { level: "listed" as const, at: generation.begun.wall }
    const proof = integrity.proofOf(spec.place, snapshot) ?? listed
    return { verified: proof === undefined ? null : { ...proof, at: timeText(proof.at) }, damage: null }
  }

  #chosen(name: string | undefined): FleetRepository {
    const { repositories } = this.#parts.keeper.fleet
    const fitting = repositories.filter(({ entry }) => name === undefined || entry.name === name)
    const [first] = fitting
    if (first !== undefined && fitting.length === 1) return first
    const names = repositories.map(({ entry }) => entry.name).join(", ")
    if (first === undefined) {
      throw new HttpError(404, "not_found", `No repository is called ${name ?? ""}.`, {
        hint: `Declared are: ${names}.`,
      })
    }
    throw new HttpError(400, "which_repository", "There are several repositories.", {
      hint: `Name one of them with --repository: ${names}.`,
    })
  }
}

function timeText(at: number): string {
  return formatInstant(BigInt(Math.round(at)) * 1_000_000n)
}

/** A repository that only changed while it was read is as it was a moment before. */
function demandListing({ generation, trouble }: PlaceView): void {
  if (trouble?.kind === "fenced") {
    throw new HttpError(503, "store_fenced", trouble.state.message, { hint: trouble.state.hint })
  }
  if (trouble?.kind === "failed" && trouble.error.code !== "unstable") {
    const { code, message, hint } = trouble.error
    throw new HttpError(503, code, message, hint === undefined ? {} : { hint })
  }
  if (generation === undefined) {
    throw new HttpError(503, "not_listed", "The repository has not been listed yet.", {
      hint: "Ask again in a few seconds.",
    })
  }
}

/** The volume that the repository's conventions take a snapshot's identity for. */
export function volumeOf(
  repository: FleetRepository,
  { source }: Pick<Snapshot, "source">,
): VolumeName | undefined {
  const { naming } = repository
  if (naming === undefined) return undefined
  const identity = { user: source.user, host: source.host, path: source.paths[0] ?? "" }
  const owner = naming.claims.owners.get(formatIdentity(identity))
  if (owner !== undefined) return parseVolumeKey(owner)
  const [first, ...others] = explain(identity, naming)
  // A name that several volumes or a longer one may have had is nobody's for certain.
  return others.length === 0 && first?.cut === false ? first.volume : undefined
}

function fits(volume: VolumeName | undefined, filter: SnapshotFilter): boolean {
  return (
    (filter.namespace === undefined || volume?.namespace === filter.namespace) &&
    (filter.pvc === undefined || volume?.pvc === filter.pvc)
  )
}
