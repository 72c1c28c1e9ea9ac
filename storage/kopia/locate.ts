import type { FileTree } from "../blobs/index.js"
import { FORMAT_BLOB } from "./blob-id.js"
import { FlatObjects } from "./flat-objects.js"
import type { KopiaBlobs } from "./kopia-blobs.js"
import { ShardedDirectory } from "./sharded-directory.js"
import { BLOB_SUFFIX, SHARDS_FILE } from "./shards.js"

// What the engine writes at creation or with the first backup, as objects are named.
const objects = /^(?:kopia\.(?:repository|blobcfg|maintenance)|[pq][0-9a-f]{32}-s[0-9a-f]+)$/

/** Chooses the layout by the names in the root: objects have no suffix. */
export async function locateBlobs(files: FileTree): Promise<KopiaBlobs> {
  const { entries } = await files.list("")
  const names = entries.map(({ name }) => name)
  const sharded = names.includes(FORMAT_BLOB + BLOB_SUFFIX) || names.includes(SHARDS_FILE)
  return !sharded && names.some((name) => objects.test(name))
    ? new FlatObjects(files)
    : new ShardedDirectory(files)
}

/** Whether the root of a place bears the marks of a Kopia repository, whole or not. */
export async function looksLikeKopia(files: FileTree): Promise<boolean> {
  const { entries } = await files.list("")
  return entries.some(({ name }) => name === SHARDS_FILE || name.startsWith("kopia."))
}
