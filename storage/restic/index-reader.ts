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

/** Reads one index file. Throws a StorageError that names it. */
export async function readIndex(
  files: FileTree,
  { name }: Pick<TreeEntry, "name">,
  key: SealKey,
): Promise<Index> {
  const sealed = await readHashNamed(files, "index", name, LONGEST_INDEX_FILE)
  const json = openUnpacked(key, sealed, `index/${name}`, LONGEST_INDEX_JSON)
  return { id: name, packs: parseIndex(json, name) }
}
