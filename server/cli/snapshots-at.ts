import { resolve } from "node:path"
import { DirectoryTree } from "../../storage/blobs/index.js"
import { type Engine, openRepository, type Secret, type Snapshot } from "../../storage/index.js"
import {
  explain,
  formatIdentity,
  type Naming,
  NO_CLAIMS,
  parseConvention,
  type VolumeName,
} from "../../storage/identity/index.js"
import type { SnapshotsJson } from "../http/contract/admin.js"
import { renderSnapshot } from "../http/contract/render-snapshot.js"

/** The conventions that movers have, the oldest one first, because the others would explain its names too. */
const usualConventions = ["{pvc}-backup@{namespace}:/data", "{pvc}@{namespace}:/data"] as const

export interface PlaceToList {
  readonly path: string
  readonly password: Secret | undefined
  readonly engine: Engine | undefined
  /** Conventions of the one who asks, instead of the usual ones. */
  readonly conventions: readonly string[]
}

/** Reads a repository where it lies: no daemon, no state. Throws StorageError. */
export async function snapshotsAt({
  path,
  password,
  engine,
  conventions,
}: PlaceToList): Promise<SnapshotsJson> {
  const location = resolve(path)
  const [first, ...others] = (conventions.length > 0 ? conventions : usualConventions).map((text) =>
    parseConvention(text),
  )
  const namings = first === undefined ? [] : [first, ...others].map(namingOf)
  const repository = await openRepository({
    files: new DirectoryTree(location),
    password,
    ...(engine === undefined ? {} : { engine }),
  })
  const listing = await repository.list()
  return {
    repository: {
      engine: listing.engine,
      id: listing.repositoryId,
      formatVersion: listing.depth === "names" ? null : listing.formatVersion,
    },
    snapshots: listing.snapshots.map((snapshot) =>
      listing.engine === "kopia"
        ? renderSnapshot(snapshot, kopiaIdentity(snapshot), volumeOf(snapshot, namings))
        : renderSnapshot(snapshot, location, undefined),
    ),
  }
}

function namingOf(convention: Naming["conventions"][0]): Naming {
  return { cluster: "", conventions: [convention], claims: NO_CLAIMS }
}

function kopiaIdentity({ source }: Snapshot): string {
  return formatIdentity({ user: source.user, host: source.host, path: source.paths[0] ?? "" })
}

/** By the first convention that explains the identity; undefined where it leaves several volumes open. */
function volumeOf({ source }: Snapshot, namings: readonly Naming[]): VolumeName | undefined {
  const identity = { user: source.user, host: source.host, path: source.paths[0] ?? "" }
  for (const naming of namings) {
    const [only, ...more] = explain(identity, naming)
    if (only !== undefined) return more.length === 0 && !only.cut ? only.volume : undefined
  }
  return undefined
}
