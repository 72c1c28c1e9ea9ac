import { type BigIntStats, lstatSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../../blobs/index.js"

export interface TreeEntry {
  /** Relative to the top; "" is the top itself. */
  readonly path: string
  readonly stats: BigIntStats
}

/** After so many entries whoever else waits for the process gets a turn. */
const ENTRIES_IN_A_ROW = 2_000

/**
 * Every entry below `top` and the top itself, each folder before what is in it, sorted by name. Follows no link. Throws the
 * signal's reason, and StorageError for what cannot be looked at.
 */
export async function* walkTree(
  top: string,
  signal?: AbortSignal,
): AsyncGenerator<TreeEntry, void, undefined> {
  const left = [""]
  for (let seen = 1; left.length > 0; seen++) {
    const path = left.pop() ?? ""
    const stats = statsOf(join(top, path))
    yield { path, stats }
    if (stats.isDirectory())
      for (const name of namesIn(join(top, path)).reverse()) left.push(join(path, name))
    if (seen % ENTRIES_IN_A_ROW === 0) {
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
  }
}

function statsOf(path: string): BigIntStats {
  try {
    return lstatSync(path, { bigint: true })
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path).sort()
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}
