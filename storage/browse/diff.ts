import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { type Difference, differences, sameContent } from "./compare-entries.js"
import { asProblem, walkCounter, type WalkLimits } from "./limits.js"
import { PathBuffer } from "./path-buffer.js"
import { sortedEntries } from "./sorted-entries.js"

export interface TreeChange {
  /** Below the two that are compared; empty for themselves. */
  readonly path: Uint8Array
  readonly kind: "added" | "removed" | "changed"
  readonly before?: SnapshotEntry
  readonly after?: SnapshotEntry
  /** Of `changed`: in what. May be nothing, where only `problem` is told. */
  readonly what: readonly Difference[]
  /** What below it could not be compared, and why: a directory that cannot be read, or names that it holds twice. */
  readonly problem?: StorageError
}

/** Two directories that are compared, or one that is there on one side only. */
interface Pair {
  readonly before: SnapshotEntry | undefined
  readonly after: SnapshotEntry | undefined
}

interface Listed {
  readonly pairs: readonly Pair[]
  readonly problem: StorageError | undefined
}

interface Level {
  readonly pairs: readonly Pair[]
  readonly cameFrom: number
  at: number
}

const NO_NAME = new Uint8Array()

/**
 * What differs between two directories of one repository (or files), each directory before what is in it, by the bytes of names.
 * Nothing as `before` or `after` has everything added or removed. What is below an added or removed directory is told, too; a
 * directory that became something else is `changed` and what was in it `removed`. Directories with equal content ids are not read.
 * One that cannot be read is a change with a `problem`, and the rest goes on. In memory are the two directories of each level.
 */
export async function* diffTrees(
  contents: SnapshotContents,
  before: SnapshotEntry | undefined,
  after: SnapshotEntry | undefined,
  options: WalkLimits = {},
): AsyncGenerator<TreeChange> {
  const path = new PathBuffer()
  const count = walkCounter(options)
  const levels: Level[] = [{ pairs: [{ before, after }], cameFrom: 0, at: 0 }]
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const pair = level.pairs[level.at++]
    if (pair === undefined) {
      path.leave(level.cameFrom)
      levels.pop()
      continue
    }
    const below = await listPair(contents, pair)
    count(1 + (below?.pairs.length ?? 0))
    // The two at the top may have different names.
    const cameFrom = path.enter(levels.length === 1 ? NO_NAME : nameOf(pair))
    const change = changeOf(pair, below?.problem)
    if (change !== undefined) yield { path: path.current(), ...change }
    if (below === undefined) path.leave(cameFrom)
    else levels.push({ pairs: below.pairs, cameFrom, at: 0 })
  }
}

function nameOf({ before, after }: Pair): Uint8Array {
  return (after ?? before)?.name ?? NO_NAME
}

/** Undefined where nothing has to be told. */
function changeOf(
  { before, after }: Pair,
  problem: StorageError | undefined,
): Omit<TreeChange, "path"> | undefined {
  const trouble = problem === undefined ? {} : { problem }
  if (before === undefined)
    return after === undefined ? undefined : { kind: "added", after, what: [], ...trouble }
  if (after === undefined) return { kind: "removed", before, what: [], ...trouble }
  const what = differences(before, after)
  if (what.length === 0 && problem === undefined) return undefined
  return { kind: "changed", before, after, what, ...trouble }
}

/** What is in both, matched by names; undefined where there is nothing to look into. */
async function listPair(contents: SnapshotContents, { before, after }: Pair): Promise<Listed | undefined> {
  const old = before?.kind === "directory" ? before : undefined
  const now = after?.kind === "directory" ? after : undefined
  if (old === undefined && now === undefined) return undefined
  if (old !== undefined && now !== undefined && sameContent(old, now)) return undefined
  try {
    const listed = {
      before: sortedEntries(old === undefined ? [] : await contents.list(old)),
      after: sortedEntries(now === undefined ? [] : await contents.list(now)),
    }
    const repeated = listed.before.repeated.length + listed.after.repeated.length
    return {
      pairs: matched(listed.before.entries, listed.after.entries),
      problem:
        repeated === 0
          ? undefined
          : new StorageError("corrupt", `${repeated} entries have a name that another has already`, {
              hint: "The first of a name was compared. No backup program writes such a directory.",
            }),
    }
  } catch (error) {
    return { pairs: [], problem: asProblem(error) }
  }
}

/** Merges two sorted lists by name. */
function matched(before: readonly SnapshotEntry[], after: readonly SnapshotEntry[]): Pair[] {
  const pairs: Pair[] = []
  let [at, to] = [0, 0]
  while (at < before.length || to < after.length) {
    const [old, now] = [before[at], after[to]]
    const order = old === undefined ? 1 : now === undefined ? -1 : Buffer.compare(old.name, now.name)
    if (order <= 0) at++
    if (order >= 0) to++
    pairs.push({ before: order <= 0 ? old : undefined, after: order >= 0 ? now : undefined })
  }
  return pairs
}
