import type { FileTree } from "../blobs/index.js"
import { FORMAT_BLOB } from "./blob-id.js"
import { FlatObjects } from "./flat-objects.js"
import { parseFormatBlob } from "./format-blob.js"
import { locateBlobs } from "./locate.js"
import { BLOB_SUFFIX, blobPath, LAYOUT_WITHOUT_FILE, parseShards, SHARDS_FILE } from "./shards.js"

const MAX_FORMAT_BLOB = 1024 * 1024
const MAX_SHARDS_FILE = 64 * 1024

/** What a Kopia repository says of itself to somebody without its password. */
export interface KopiaHead {
  /** uniqueID in hexadecimal: the repository, wherever it lies. */
  readonly repositoryId: string
  /** Characters per level of folders, none in a flat repository; "objects": the layout of a bucket. */
  readonly layout: readonly number[] | "objects"
}

/** Reads two small files and nothing else. Throws StorageError `missing`, `corrupt`, `unsupported`, `unreadable`, `io`. */
export async function readKopiaHead(files: FileTree): Promise<KopiaHead> {
  if ((await locateBlobs(files)) instanceof FlatObjects) {
    return { repositoryId: await repositoryIdIn(files, FORMAT_BLOB), layout: "objects" }
  }
  const { names } = await files.names("")
  const layout = names.includes(SHARDS_FILE)
    ? parseShards(await files.read(SHARDS_FILE, MAX_SHARDS_FILE))
    : LAYOUT_WITHOUT_FILE
  return {
    repositoryId: await repositoryIdIn(files, blobPath(layout, FORMAT_BLOB)),
    layout: layout.default,
  }
}

async function repositoryIdIn(files: FileTree, file: string): Promise<string> {
  const { uniqueId } = parseFormatBlob(await files.read(file, MAX_FORMAT_BLOB), file)
  return Buffer.from(uniqueId).toString("hex")
}

/** The file without which nothing else of a repository can be read, in both layouts. */
export const FORMAT_FILES: readonly string[] = [FORMAT_BLOB + BLOB_SUFFIX, FORMAT_BLOB]
