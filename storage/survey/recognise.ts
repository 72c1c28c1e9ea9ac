import { FORMAT_FILES, SHARDS_FILE } from "../kopia/index.js"
import type { Engine } from "../repository.js"
import type { FolderEntry } from "./folder.js"

/** What a folder is, by the names in it alone. */
export type Recognition =
  | {
      readonly kind: "repository"
      /** Both: two repositories at one place. */
      readonly engines: readonly [Engine, ...Engine[]]
      /** A file without which nothing can be read and that is no file, but a link or worse: it must not be opened. */
      readonly irregular: string | undefined
    }
  /** What VolSync's rclone mover leaves. */
  | { readonly kind: "copy" }
  | { readonly kind: "empty" }
  | { readonly kind: "plain"; readonly holdsFiles: boolean; readonly strayShards: boolean }

/** Where the rclone mover writes owners and modes, at the top of each copy (volsync-restic-mover §6). */
const RCLONE_PERMISSIONS = "permissions.facl"

const RESTIC_CONFIG = "config"
const RESTIC_KEYS = "keys"
const RESTIC_FOLDERS = [RESTIC_KEYS, "snapshots", "index", "data", "locks"]
/** Before restic 0.7, in buckets. */
const OLD_RESTIC_FOLDERS = ["key", "snapshot", "lock", "index", "data"]

/** Names that say what a folder is, to be looked for where it has too many. */
export const MARKS: readonly string[] = [
  ...FORMAT_FILES,
  SHARDS_FILE,
  RESTIC_CONFIG,
  ...RESTIC_FOLDERS,
  ...OLD_RESTIC_FOLDERS,
  RCLONE_PERMISSIONS,
]

/**
 * Recognises also what was a repository before it was damaged. A lone `.shards` among other things does not make a repository:
 * kopia drops it wherever it looks.
 */
export function recognise(entries: readonly FolderEntry[]): Recognition {
  const kinds = new Map(entries.map(({ name, kind }) => [name, kind]))
  const kopia = looksLikeKopia(entries, kinds)
  const restic = looksLikeRestic(kinds)
  const needed = [...(kopia ? [...FORMAT_FILES, SHARDS_FILE] : []), ...(restic ? [RESTIC_CONFIG] : [])]
  const irregular = needed.find((name) => (kinds.get(name) ?? "file") !== "file")
  if (kopia && restic) return { kind: "repository", engines: ["kopia", "restic"], irregular }
  if (kopia) return { kind: "repository", engines: ["kopia"], irregular }
  if (restic) return { kind: "repository", engines: ["restic"], irregular }
  if (kinds.get(RCLONE_PERMISSIONS) === "file") return { kind: "copy" }
  if (entries.length === 0) return { kind: "empty" }
  return {
    kind: "plain",
    holdsFiles: entries.some(({ kind }) => kind === "file"),
    strayShards: kinds.has(SHARDS_FILE),
  }
}

type Kinds = ReadonlyMap<string, FolderEntry["kind"]>

function looksLikeKopia(entries: readonly FolderEntry[], kinds: Kinds): boolean {
  if (FORMAT_FILES.some((name) => kinds.has(name))) return true
  if (/^kopia\.(?:blobcfg|maintenance)(?:\.f)?$/m.test([...kinds.keys()].join("\n"))) return true
  return kinds.has(SHARDS_FILE) && (entries.length === 1 || entries.some(isKopiaBlob))
}

/** A blob, or a folder of blobs in a layout whose first level has one or three characters. */
function isKopiaBlob({ name, kind }: FolderEntry): boolean {
  return kind === "directory"
    ? /^(?:[pqxnms_]|[pq][0-9a-f]{2}|[nms][0-9a-f]{2}|x[nsrew][0-9_])$/.test(name)
    : /^(?:[pq][0-9a-f]{32}-s[0-9a-f]+|x[nsrew][0-9]|[nms][0-9a-f]{32}|_log_).*\.f$/.test(name)
}

function looksLikeRestic(kinds: Kinds): boolean {
  const folders = (names: readonly string[]) => names.filter((name) => kinds.get(name) === "directory").length
  if (kinds.has(RESTIC_CONFIG) && kinds.get(RESTIC_KEYS) === "directory") return true
  return folders(RESTIC_FOLDERS) >= 3 || folders(OLD_RESTIC_FOLDERS) >= 4
}
