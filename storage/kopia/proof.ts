import { StorageError } from "../errors.js"
import type { Proof } from "../proof.js"
import type { BlobKind } from "./blob-id.js"
import type { ContentIndex } from "./content-index.js"
import type { OpenedFormat } from "./format-keeper.js"
import type { IndexEntry } from "./index-entry.js"
import { BLOB_SUFFIX } from "./shards.js"

/** The id of the blob in a file, as the engine reads it from the names of the folders and the file; undefined for other files. */
export function blobOfFile(file: string): string | undefined {
  return file.endsWith(BLOB_SUFFIX) ? file.slice(0, -BLOB_SUFFIX.length).replaceAll("/", "") : undefined
}

/** Whether blobs of a kind are sealed under their own names. */
export function isSealed(kind: BlobKind): boolean {
  return kind === "epoch_index" || kind === "legacy_index" || kind === "compaction_log"
}

/**
 * What shows that bytes are those of a pack: that every content which the indexes place in it opens and has the hash that is its name
 * (kopia-repository-format §6.5). Undefined for a pack of which nothing is needed.
 */
export function proofOfPack(
  id: string,
  { decryption }: Pick<OpenedFormat, "decryption">,
  index: ContentIndex,
): Proof | undefined {
  const entries = [...index.inPack(id)]
  if (entries.length === 0) return undefined
  return {
    by: `${entries.length} contents that the indexes place in it, each by its hash`,
    holds: (bytes) => Promise.resolve(entries.every((entry) => opensAt(entry, bytes, decryption))),
  }
}

/** Of an index or a compaction log: that it decrypts under its own name (§6.4). */
export function proofOfMetadata(id: string, { decryption }: Pick<OpenedFormat, "decryption">): Proof {
  return {
    by: "its own seal",
    holds: (bytes) => Promise.resolve(opens(() => decryption.openBlob(id, bytes, id))),
  }
}

function opensAt(entry: IndexEntry, bytes: Uint8Array, decryption: OpenedFormat["decryption"]): boolean {
  const { offset, packedLength, pack } = entry
  if (offset + packedLength > bytes.length) return false
  return opens(() => decryption.openContent(entry, bytes.subarray(offset, offset + packedLength), pack))
}

/** What error correction had to repair is not as it was written. */
function opens(open: () => { readonly repaired: boolean }): boolean {
  try {
    return !open().repaired
  } catch (error) {
    if (error instanceof StorageError && error.code === "corrupt") return false
    throw error
  }
}
