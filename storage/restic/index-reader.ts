import type { FileTree, TreeEntry } from "../blobs/index.js"
import { readHashNamed } from "./hash-named.js"
import { type IndexedPack, LONGEST_INDEX_FILE, LONGEST_INDEX_JSON, parseIndex } from "./index-file.js"
import type { SealKey } from "./sealed.js"
import { openUnpacked } from "./unpacked-file.js"

/** One index file. */
export interface Index {
  readonly id: string
  readonly packs: readonly IndexedPack[]
}

/** Reads these index files. One pack may be in several of them (§7). Throws a StorageError that names the file. */
export async function readIndexes(
  files: FileTree,
  entries: readonly TreeEntry[],
  key: SealKey,
  signal?: AbortSignal,
): Promise<readonly Index[]> {
  const indexes: Index[] = []
  for (const { name } of entries) {
    signal?.throwIfAborted()
    const sealed = await readHashNamed(files, "index", name, LONGEST_INDEX_FILE)
    const json = openUnpacked(key, sealed, `index/${name}`, LONGEST_INDEX_JSON)
    indexes.push({ id: name, packs: parseIndex(json, name) })
  }
  return indexes
}
