import type { EntryKind, SnapshotContents } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Instant } from "../instant.js"
import type { Snapshot, SnapshotSource } from "../repository.js"
import { asProblem, type WalkLimits } from "./limits.js"
import { MatchSearch, type MatchTree, unsearchable } from "./match-tree.js"
import type { PathPattern } from "./pattern.js"
import { VersionBook } from "./version-book.js"

interface Span {
  readonly source: SnapshotSource
  readonly path: Uint8Array
  /** The oldest and the newest snapshot of those that follow each other and have it. */
  readonly first: Snapshot
  readonly last: Snapshot
  /** How many have it. */
  readonly snapshots: number
}

/** One content at one path. */
export interface FoundVersion extends Span {
  readonly kind: EntryKind
  readonly size: number
  /** As the oldest of the snapshots has it. */
  readonly modified: Instant | undefined
}

/** A directory that could not be searched in some snapshots: what it holds there is not known. */
export interface Unsearched extends Span {
  readonly problem: StorageError
}

export interface FindVersionsOptions extends WalkLimits {
  /** Of one snapshot, and of versions in all: beyond it the pattern is too wide. */
  readonly mostFound?: number
}

const MOST_FOUND = 1_000_000

/**
 * Which snapshots hold what fits a pattern, when it changed, how big it was: a row for each content at each path, for as long as snapshots
 * of one source that follow each other have it; what comes back later is a new row. By source, path and time. An incomplete snapshot,
 * or one whose directory cannot be read, proves nothing gone. What snapshots share is searched once.
 *
 * Throws `unsupported` when more fits than `mostFound`, and the signal's reason.
 */
export async function* findVersions(
  contents: SnapshotContents,
  snapshots: readonly Snapshot[],
  pattern: PathPattern,
  { mostFound = MOST_FOUND, ...limits }: FindVersionsOptions = {},
): AsyncGenerator<FoundVersion | Unsearched> {
  const search = new MatchSearch(contents, pattern, limits)
  for (const [source, ordered] of bySource(snapshots)) {
    const book = new VersionBook()
    for (const snapshot of ordered) {
      limits.signal?.throwIfAborted()
      const tree = await searched(search, contents, snapshot)
      if (tree.count > mostFound) throw tooMany(mostFound)
      book.add(tree, { incomplete: snapshot.incomplete !== undefined })
      if (book.size > mostFound) throw tooMany(mostFound)
    }
    for (const { path, held, first, last, snapshots: count } of book.close()) {
      const span = {
        source,
        path: Buffer.from(path, "latin1"),
        first: at(ordered, first),
        last: at(ordered, last),
        snapshots: count,
      }
      if (held instanceof StorageError) yield { ...span, problem: held }
      else yield { ...span, kind: held.kind, size: held.size, modified: held.modified }
    }
  }
}

async function searched(
  search: MatchSearch,
  contents: SnapshotContents,
  snapshot: Snapshot,
): Promise<MatchTree> {
  try {
    return await search.search(contents.root(snapshot))
  } catch (error) {
    if (error instanceof StorageError && error.code === "unsupported") throw error
    return unsearchable(asProblem(error))
  }
}

function tooMany(mostFound: number): StorageError {
  return new StorageError("unsupported", `more than ${mostFound} entries fit`, {
    facts: { mostFound },
    hint: "Give a narrower pattern, or a directory to search in.",
  })
}

/** By start, oldest first, in the order of the first snapshot of each source. */
function bySource(snapshots: readonly Snapshot[]): [SnapshotSource, readonly Snapshot[]][] {
  const sources = new Map<string, Snapshot[]>()
  for (const snapshot of [...snapshots].sort((a, b) =>
    a.start < b.start ? -1 : a.start > b.start ? 1 : 0,
  )) {
    const { user, host, paths } = snapshot.source
    const key = JSON.stringify([user, host, paths])
    const same = sources.get(key)
    if (same === undefined) sources.set(key, [snapshot])
    else same.push(snapshot)
  }
  return [...sources.values()].map((all) => [at(all, 0).source, all])
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new RangeError(`nothing at ${index}`)
  return item
}
