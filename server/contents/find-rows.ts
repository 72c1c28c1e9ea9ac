import { findInTree, findVersions, PathPattern } from "../../storage/browse/index.js"
import { formatIdentity } from "../../storage/identity/index.js"
import { formatInstant, type Snapshot, type SnapshotContents, StorageError } from "../../storage/index.js"
import { chooseSnapshot } from "./choose-snapshot.js"
import { pathJson, problemJson } from "./entry-json.js"
import type { FoundJson } from "./found-json.js"

export interface FindQuery {
  readonly pattern: string
  /** Only below this directory; "": everywhere. */
  readonly under: string
  readonly ignoreCase: boolean
  /** Only in this one: as `chooseSnapshot` takes it. Excludes `identity`. */
  readonly snapshot: string | undefined
  /** Only in those of `user@host:path`. */
  readonly identity: string | undefined
}

export interface SearchedPlace {
  readonly contents: SnapshotContents
  readonly snapshots: readonly Snapshot[]
}

/**
 * Where something is: rows of one snapshot, or a row for each content over all. Throws StorageError, `invalid` also for a pattern that
 * nothing can fit, and for an identity that no snapshot is of.
 */
export function findRows(
  place: SearchedPlace,
  { pattern: text, under, ignoreCase, snapshot, identity }: FindQuery,
  signal?: AbortSignal,
): AsyncGenerator<FoundJson> {
  const pattern = new PathPattern(text, { under, ignoreCase })
  const limits = signal === undefined ? {} : { signal }
  if (snapshot !== undefined)
    return inOne(place.contents, chooseSnapshot(place.snapshots, snapshot), pattern, limits)
  return inAll(place.contents, wantedOf(place, identity), pattern, limits)
}

interface Limits {
  readonly signal?: AbortSignal
}

async function* inOne(
  contents: SnapshotContents,
  snapshot: Snapshot,
  pattern: PathPattern,
  limits: Limits,
): AsyncGenerator<FoundJson> {
  const span = spanJson({ first: snapshot, last: snapshot, snapshots: 1 })
  for await (const found of findInTree(contents, contents.root(snapshot), pattern, limits)) {
    if ("problem" in found) {
      yield { ...pathJson(found.path), ...span, problem: problemJson(found.problem) }
      continue
    }
    const { kind, size, modified } = found.entry
    yield { ...pathJson(found.path), type: kind, size, mtime: timeOf(modified), ...span }
  }
}

async function* inAll(
  contents: SnapshotContents,
  snapshots: readonly Snapshot[],
  pattern: PathPattern,
  limits: Limits,
): AsyncGenerator<FoundJson> {
  for await (const found of findVersions(contents, snapshots, pattern, limits)) {
    const span = spanJson(found)
    if ("problem" in found) yield { ...pathJson(found.path), ...span, problem: problemJson(found.problem) }
    else {
      const { kind, size, modified } = found
      yield { ...pathJson(found.path), type: kind, size, mtime: timeOf(modified), ...span }
    }
  }
}

function wantedOf({ snapshots }: SearchedPlace, identity: string | undefined): readonly Snapshot[] {
  if (identity === undefined) return snapshots
  const wanted = snapshots.filter((one) => identityOf(one) === identity)
  if (wanted.length > 0) return wanted
  throw new StorageError("invalid", `no snapshot is of ${identity}`, {
    hint: "`cistern snapshots` lists their identities.",
  })
}

interface Span {
  readonly first: Snapshot
  readonly last: Snapshot
  readonly snapshots: number
}

function spanJson({ first, last, snapshots }: Span) {
  const brief = ({ id, start }: Snapshot) => ({ id, start: formatInstant(start) })
  return { identity: identityOf(first), first: brief(first), last: brief(last), snapshots }
}

function identityOf({ source }: Snapshot): string {
  return formatIdentity({ user: source.user, host: source.host, path: source.paths[0] ?? "" })
}

function timeOf(modified: bigint | undefined): string | null {
  return modified === undefined ? null : formatInstant(modified)
}
