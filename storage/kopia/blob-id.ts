/** The one name of the format block; without it nothing in a repository can be decrypted. */
export const FORMAT_BLOB = "kopia.repository"

/** Written in plain text by a format upgrade so that old programs stop; no index, though it is named like one. */
const POISON =
  "n00000000000000000000000000000000-repository_unreadable_by_this_kopia_version_upgrade_required"

export type BlobKind =
  | "format"
  | "legacy_index"
  | "compaction_log"
  | "epoch_index"
  | "epoch_marker"
  | "watermark"
  | "session"
  | "pack"
  /** Known, and of no meaning for a list of snapshots. */
  | "other"
  | "unknown"

/** What a blob is, by its name alone (kopia-repository-format §3). The engine tells them apart by prefix, and so do we. */
export function kindOfBlob(id: string): BlobKind {
  if (id === FORMAT_BLOB) return "format"
  if (id.startsWith("kopia.") || id.startsWith("_log_") || id.startsWith("l") || id === POISON) return "other"
  if (id.startsWith("n")) return "legacy_index"
  if (id.startsWith("m")) return "compaction_log"
  if (id.startsWith("s")) return "session"
  if (id.startsWith("p") || id.startsWith("q")) return "pack"
  if (/^xw\d+$/.test(id)) return "watermark"
  if (/^xe\d+$/.test(id)) return "epoch_marker"
  if (/^x(?:[ns]\d+|r\d+_\d+)_/.test(id)) return "epoch_index"
  return "unknown"
}

/** Whether a blob's name can change what a listing says: the blobs that two listings must agree on. */
export function decidesListing(id: string): boolean {
  const kind = kindOfBlob(id)
  return (
    kind === "legacy_index" ||
    kind === "compaction_log" ||
    kind === "epoch_index" ||
    kind === "epoch_marker" ||
    kind === "watermark"
  )
}

/**
 * Whether a folder of a sharded repository can hold metadata, `joined` being the names of the folders down to it, joined:
 * the start of an id that begins with x, n, m or s. Folders of packs, logs and strangers need not be walked.
 */
export function mayHoldMetadata(joined: string): boolean {
  return /^(?:x|x[nsrew][\w-]*|[nms][0-9a-f]*(?:-[\w-]*)?)$/.test(joined)
}

/** Whether a folder's or a file's name is the start of a pack's: `p` or `q` and hexadecimal digits. */
export function looksLikePack(joined: string): boolean {
  return /^[pq][0-9a-f]*(?:-s[0-9a-f]*)?$/.test(joined)
}
