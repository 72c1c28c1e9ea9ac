import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { asProblem, walkCounter, type WalkLimits } from "./limits.js"
import { PathBuffer } from "./path-buffer.js"
import type { PathPattern, Progress } from "./pattern.js"

/** Something that fits, or a directory that could not be searched. */
export type Found =
  | { readonly path: Uint8Array; readonly entry: SnapshotEntry }
  | { readonly path: Uint8Array; readonly problem: StorageError }

interface Level {
  readonly entries: readonly SnapshotEntry[]
  readonly progress: Progress
  readonly cameFrom: number
  at: number
}

/**
 * What fits a pattern below a directory, each directory before what is in it, in the engine's order. Directories in which nothing can fit
 * are not read: for a path without wildcards only those on the way.
 */
export async function* findInTree(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  pattern: PathPattern,
  options: WalkLimits = {},
): AsyncGenerator<Found> {
  const path = new PathBuffer()
  const count = walkCounter(options)
  const levels: Level[] = []
  const list = async (
    one: SnapshotEntry,
    progress: Progress,
    cameFrom: number,
  ): Promise<StorageError | undefined> => {
    const listed = await contents.list(one).catch(asProblem)
    if (listed instanceof StorageError) {
      path.leave(cameFrom)
      return listed
    }
    count(1 + listed.length)
    levels.push({ entries: listed, progress, cameFrom, at: 0 })
    return undefined
  }

  count(0)
  if (directory.kind === "directory") {
    const problem = await list(directory, pattern.start, 0)
    if (problem !== undefined) throw problem
  }
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.entries[level.at++]
    if (entry === undefined) {
      path.leave(level.cameFrom)
      levels.pop()
      continue
    }
    const progress = pattern.step(level.progress, entry.name)
    if (progress.length === 0) continue
    if (isFound(pattern, progress, entry)) yield { path: path.of(entry.name), entry }
    if (entry.kind !== "directory" || !pattern.continues(progress)) continue
    const problem = await list(entry, progress, path.enter(entry.name))
    if (problem !== undefined) yield { path: path.of(entry.name), problem }
  }
}

export function isFound(pattern: PathPattern, progress: Progress, { kind }: SnapshotEntry): boolean {
  return pattern.fits(progress) && (kind === "directory" || !pattern.onlyDirectories)
}
