import type { SnapshotTrees, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { DirectoryGraph } from "./directory-graph.js"
import type { OwnDamage } from "./own-damage.js"
import type { ImpactOptions } from "./types.js"

/** Directories that are read at once: enough for the disk to have something to do, few enough for huge ones. */
const AT_ONCE = 4
/** Entries looked at before others get a turn. */
const TURN = 2000

interface Waiting {
  readonly row: number
  readonly directory: SnapshotEntry
}

/**
 * Reads every directory below the given ones once, and notes in the graph what is damaged. Returns how many were read. What waits is
 * taken last first, so that no more waits than a path has siblings.
 */
export async function survey(
  contents: SnapshotTrees,
  roots: readonly SnapshotEntry[],
  graph: DirectoryGraph,
  own: OwnDamage,
  { signal, progress }: Pick<ImpactOptions, "signal" | "progress">,
): Promise<number> {
  const waiting: Waiting[] = []
  const meet = (directory: SnapshotEntry): number => {
    const { row, isNew } = graph.add(directory)
    if (isNew) waiting.push({ row, directory })
    return row
  }
  const look = async ({ row, directory }: Waiting): Promise<void> => {
    const reason = await own.of(directory)
    if (reason !== undefined) {
      graph.markItself(row, reason)
      return
    }
    const entries = await listed(contents, directory)
    if (entries instanceof StorageError) {
      graph.markItself(row, entries.code)
      return
    }
    let looked = 0
    for (const entry of entries) {
      if (entry.kind === "directory") graph.link(row, meet(entry))
      else if (entry.content.length > 0) {
        const damage = await own.of(entry)
        if (damage !== undefined) graph.markOwn(row, damage)
      }
      if (++looked % TURN === 0) {
        signal?.throwIfAborted()
        await new Promise(setImmediate)
      }
    }
  }
  let read = 0
  for (const root of roots) {
    meet(root)
    while (waiting.length > 0) {
      signal?.throwIfAborted()
      const batch = waiting.splice(-AT_ONCE)
      await Promise.all(batch.map(look))
      read += batch.length
      progress?.(read, graph.size)
    }
  }
  return read
}

/** The error in place of the entries: what cannot be read is an answer here. */
export async function listed(
  contents: SnapshotTrees,
  directory: SnapshotEntry,
): Promise<readonly SnapshotEntry[] | StorageError> {
  try {
    return await contents.list(directory)
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
}
