import type { FileTree } from "../blobs/index.js"
import { FORMAT_BLOB } from "./blob-id.js"
import { FlatObjects } from "./flat-objects.js"
import type { KopiaBlobs } from "./kopia-blobs.js"
import { ShardedDirectory } from "./sharded-directory.js"
import { BLOB_SUFFIX, SHARDS_FILE } from "./shards.js"

/** Chooses the layout by the name of the format block: objects have no suffix. */
export async function locateBlobs(files: FileTree): Promise<KopiaBlobs> {
  const { entries } = await files.list("")
  const names = new Set(entries.map(({ name }) => name))
  return names.has(FORMAT_BLOB) && !names.has(FORMAT_BLOB + BLOB_SUFFIX)
    ? new FlatObjects(files)
    : new ShardedDirectory(files)
}

/** Whether the root of a place bears the marks of a Kopia repository, whole or not. */
export async function looksLikeKopia(files: FileTree): Promise<boolean> {
  const { entries } = await files.list("")
  return entries.some(({ name }) => name === SHARDS_FILE || name.startsWith("kopia."))
}
