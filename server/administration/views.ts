import {
  explain,
  formatIdentity,
  parseVolumeKey,
  volumesAt,
  type VolumeName,
  volumeKey,
} from "../../storage/identity/index.js"
import { formatInstant, type Snapshot } from "../../storage/index.js"
import {
  type Answerer,
  type FleetRepository,
  indexOf,
  isPerVolume,
  type KnownVolumes,
  spotOf,
} from "../answers/index.js"
import {
  ageOf,
  type Catalog,
  type Clock,
  identityText,
  type Moment,
  type PlaceView,
} from "../catalog/index.js"
import { RESTORE_LISTING_MAX_AGE_MS } from "../decision/index.js"
import type {
  RepositoriesJson,
  RepositoryJson,
  SnapshotJson,
  SnapshotsJson,
  VolumeJson,
  VolumesJson,
} from "../http/contract/admin.js"
import { HttpError } from "../http/index.js"
import type { FleetKeeper } from "./fleet-keeper.js"

export interface ViewsParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly answerer: Answerer
  readonly known: KnownVolumes
  readonly clock: Clock
}

/** What the administrator is shown of repositories, volumes and snapshots. From memory; nothing here waits for a disk. */
export class AdministratorViews {
  readonly #parts: ViewsParts

  constructor(parts: ViewsParts) {
    this.#parts = parts
  }

  repositories(): RepositoriesJson {
    return {
      repositories: this.#parts.keeper.fleet.repositories.map((repository) => this.#repository(repository)),
    }
  }

  /** Every volume that was asked for, mapped or seen, with the decision that memory gives. */
  volumes(filter: { cluster?: string | undefined; namespace?: string | undefined }): VolumesJson {
    const { fleet } = this.#parts.keeper
    const volumes = fleet.document.clusters
      .filter(({ name }) => filter.cluster === undefined || filter.cluster === name)
      .flatMap(({ name }) =>
        [...this.#volumesOf(name).values()]
          .filter(({ namespace }) => filter.namespace === undefined || filter.namespace === namespace)
          .map((volume) => this.#volume(name, volume)),
      )
    volumes.sort((a, b) =>
      compare(`${a.cluster} ${a.namespace} ${a.pvc}`, `${b.cluster} ${b.namespace} ${b.pvc}`),
    )
    const uncertain = fleet.repositories
      .filter((repository) => this.#repository(repository).state !== "ok")
      .map(({ entry }) => entry.name)
    return { volumes, uncertain }
  }

  async snapshots(filter: {
    repository?: string | undefined
    namespace?: string | undefined
    pvc?: string | undefined
  }): Promise<SnapshotsJson> {
    const repository = this.#chosen(filter.repository)
    const views = this.#placesOf(repository)
    const rows: SnapshotJson[] = []
    for (const view of views) {
      const wanted = this.#volumeAt(repository, view)
      if (!fits(wanted, filter) && isPerVolume(repository)) continue
      if (view.generation === undefined) {
        if (isPerVolume(repository)) continue
        const error = view.trouble?.kind === "failed" ? view.trouble.error : undefined
        throw new HttpError(
          503,
          "not_listed",
          view.trouble?.kind === "fenced"
            ? view.trouble.state.message
            : (error?.message ?? "The repository has not been listed yet."),
          { hint: error?.hint ?? "Ask again in a few seconds." },
        )
      }
      for (const snapshot of await this.#parts.catalog.snapshots(view.spec.place)) {
        const volume = wanted ?? this.#volumeOf(repository, snapshot)
        if (fits(volume, filter)) rows.push(snapshotJson(repository, view, snapshot, volume))
      }
    }
    rows.sort((a, b) => compare(a.start, b.start))
    const [only] = views
    const header = isPerVolume(repository) ? undefined : only?.generation?.header
    return {
      repository: {
        engine: repository.entry.engine,
        id: header?.repositoryId ?? "",
        formatVersion: header?.formatVersion ?? null,
      },
      snapshots: rows,
    }
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

  #placesOf(repository: FleetRepository): PlaceView[] {
    const { catalog, keeper } = this.#parts
    return catalog.views().filter(({ spec }) => keeper.pathAt(repository, spec.place) !== undefined)
  }

  #repository(repository: FleetRepository): RepositoryJson {
    const { entry, store, root } = repository
    const now = this.#parts.clock.now()
    const views = this.#placesOf(repository)
    const listed = views.filter(({ generation }) => generation !== undefined)
    const single = isPerVolume(repository) ? undefined : views[0]?.generation
    const summaries = listed.flatMap(({ generation }) => [...(generation?.identities.values() ?? [])])
    const begun = listed.flatMap(({ generation }) => generation?.begun.wall ?? [])
    const newest = summaries
      .flatMap(({ newestComplete }) => newestComplete?.start ?? [])
      .sort(compare)
      .at(-1)
    const known = summaries.length > 0 || listed.length > 0
    return {
      name: entry.name,
      cluster: entry.cluster,
      engine: entry.engine,
      store: store?.name ?? null,
      path: entry.place.kind === "store" && store !== undefined ? entry.place.path : root,
      decides: entry.decides,
      ...this.#stateOf(repository, views, now),
      places: {
        total: views.length,
        listed: listed.length,
        failed: views.filter(({ trouble }) => trouble !== undefined).length,
      },
      id: single?.header.repositoryId ?? null,
      formatVersion: single?.header.formatVersion ?? null,
      snapshots: known ? summaries.reduce((sum, { snapshots }) => sum + snapshots, 0) : null,
      incomplete: known
        ? summaries.reduce((sum, { snapshots, complete }) => sum + snapshots - complete, 0)
        : null,
      volumes: known ? (isPerVolume(repository) ? listed.length : summaries.length) : null,
      listedAt: begun.length === 0 ? null : new Date(Math.min(...begun)).toISOString(),
      newest: newest === undefined ? null : formatInstant(newest),
    }
  }

  #stateOf(
    repository: FleetRepository,
    views: readonly PlaceView[],
    now: Moment,
  ): Pick<RepositoryJson, "state" | "problem"> {
    const troubles = views.flatMap(({ trouble }) => trouble ?? [])
    const fenced = troubles.find((trouble) => trouble.kind === "fenced")
    if (fenced?.kind === "fenced") {
      const { message, hint } = fenced.state
      return { state: "fenced", problem: { code: "store_fenced", message, hint } }
    }
    const failed = troubles.find((trouble) => trouble.kind === "failed")
    if (failed?.kind === "failed") {
      const { code, message, hint } = failed.error
      return { state: "failed", problem: { code, message, hint: hint ?? null } }
    }
    const search = this.#parts.catalog.discovery(repository.entry.name)?.trouble
    if (search !== undefined) {
      return {
        state: "failed",
        problem: { code: "unreadable", message: search, hint: "Check the path of the repositories." },
      }
    }
    const old = views.some(
      ({ generation }) =>
        generation === undefined || ageOf(generation.begun, now) > RESTORE_LISTING_MAX_AGE_MS * 4,
    )
    return { state: old ? "unknown" : "ok", problem: null }
  }

  #volumesOf(cluster: string): Map<string, VolumeName> {
    const { keeper, known } = this.#parts
    const volumes = new Map(known.of(cluster).map((volume) => [volumeKey(volume), volume]))
    for (const repository of keeper.fleet.repositories) {
      if (repository.entry.cluster !== cluster) continue
      for (const volume of this.#seenIn(repository)) volumes.set(volumeKey(volume), volume)
      for (const key of Object.keys(repository.entry.volumes)) {
        const [namespace = "", pvc = ""] = key.split("/")
        volumes.set(key, { namespace, pvc })
      }
    }
    return volumes
  }

  #seenIn(repository: FleetRepository): VolumeName[] {
    return this.#placesOf(repository).flatMap((view) => {
      if (isPerVolume(repository)) return this.#volumeAt(repository, view) ?? []
      return view.generation === undefined
        ? []
        : (indexOf(view.generation, repository).sources?.volumes() ?? [])
    })
  }

  /** The volume whose own repository this is. */
  #volumeAt(repository: FleetRepository, { spec }: PlaceView): VolumeName | undefined {
    const path = this.#parts.keeper.pathAt(repository, spec.place)
    if (!isPerVolume(repository) || path === undefined || repository.template === undefined) return undefined
    return volumesAt(repository.template, path)[0]
  }

  /** The volume that the repository's conventions take a snapshot's identity for. */
  #volumeOf(repository: FleetRepository, { source }: Snapshot): VolumeName | undefined {
    const { naming } = repository
    if (naming === undefined) return undefined
    const identity = { user: source.user, host: source.host, path: source.paths[0] ?? "" }
    const owner = naming.claims.owners.get(formatIdentity(identity))
    if (owner !== undefined) return parseVolumeKey(owner)
    const [first, ...others] = explain(identity, naming)
    // A name that several volumes or a longer one may have had is nobody's for certain.
    return others.length === 0 && first?.cut === false ? first.volume : undefined
  }

  #volume(cluster: string, volume: VolumeName): VolumeJson {
    const { answerer, keeper } = this.#parts
    // As of the newest listings: a list of ten thousand volumes cannot look at each of them anew.
    const decision = answerer.decide(
      volume,
      { kind: "certain", name: cluster },
      { mono: -Infinity, wall: -Infinity },
    )
    const { evidence } = decision
    const repository = keeper.fleet.repositories.find(({ entry }) => entry.name === evidence.repository)
    return {
      cluster,
      ...volume,
      decision: decision.decision,
      reason: evidence.reason,
      repository: evidence.repository,
      identity: decision.source === "" ? null : decision.source,
      snapshots: evidence.snapshots,
      newest: evidence.newest,
      oldest: evidence.oldest,
      bytes: evidence.bytes,
      files: evidence.files,
      ...(repository === undefined || spotOf(repository, volume) !== undefined ? {} : { repository: null }),
    }
  }
}

function fits(
  volume: VolumeName | undefined,
  filter: { namespace?: string | undefined; pvc?: string | undefined },
): boolean {
  return (
    (filter.namespace === undefined || volume?.namespace === filter.namespace) &&
    (filter.pvc === undefined || volume?.pvc === filter.pvc)
  )
}

function snapshotJson(
  { entry }: FleetRepository,
  { spec }: PlaceView,
  snapshot: Snapshot,
  volume: VolumeName | undefined,
): SnapshotJson {
  return {
    id: snapshot.id,
    identity: entry.engine === "kopia" ? identityText("kopia", snapshot.source) : spec.directory,
    namespace: volume?.namespace ?? null,
    pvc: volume?.pvc ?? null,
    start: formatInstant(snapshot.start),
    end: snapshot.end === undefined ? null : formatInstant(snapshot.end),
    complete: snapshot.incomplete === undefined,
    incompleteReason: snapshot.incomplete ?? null,
    bytes: snapshot.bytes ?? null,
    files: snapshot.files ?? null,
    tags: [...snapshot.tags],
    pins: [...snapshot.pins],
    description: snapshot.description,
  }
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}
