import { lstatSync, readdirSync } from "node:fs"
import { basename, dirname } from "node:path"
import { fileError } from "../blobs/index.js"
import { StorageError } from "../errors.js"

export type Emptiness =
  | { readonly kind: "empty" }
  /** Nothing but the .shards that kopia drops by merely listing: not empty, and cleared by an act of its own. */
  | { readonly kind: "shards_only" }
  /** `examples`: up to five of the names that count, sorted. */
  | { readonly kind: "occupied"; readonly examples: readonly string[] }
  | { readonly kind: "missing" }

/**
 * Whether a place holds nothing, in the sense of the first backup. Ignores exactly what filesystems and NAS systems put into
 * every directory. A link that leads nowhere, here or above, is something: what it led to is not there now. Throws StorageError `unreadable`, `io`, and `missing` where it is a file.
 */
export function emptinessOf(directory: string): Emptiness {
  const names = list(directory)
  if (names === undefined) {
    const link = brokenLink(directory)
    return link === undefined ? { kind: "missing" } : { kind: "occupied", examples: [link] }
  }
  const counted = names.filter((name) => !isForeignName(name)).sort()
  if (counted.length === 0) return { kind: "empty" }
  if (counted.length === 1 && counted[0] === ".shards") return { kind: "shards_only" }
  return { kind: "occupied", examples: counted.slice(0, 5) }
}

/** What filesystems and NAS systems put into every directory. */
export const foreignNames = new Set([
  "lost+found",
  "@eaDir",
  "#recycle",
  "#snapshot",
  ".zfs",
  ".snapshot",
  ".snapshots",
])

/** Whether a filesystem or a NAS system put it there, or NFS for a file that was removed while it was open. */
export function isForeignName(name: string): boolean {
  return foreignNames.has(name) || name.startsWith(".nfs")
}

function list(directory: string): string[] | undefined {
  try {
    return readdirSync(directory)
  } catch (cause) {
    const error = fileError(cause, directory, directory)
    if (error instanceof StorageError && error.code === "missing" && error.facts["errno"] === "ENOENT")
      return undefined
    throw error
  }
}

/** The name of the link because of which nothing was found; undefined: there is really nothing of that name. */
function brokenLink(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat !== undefined) return stat.isSymbolicLink() ? basename(path) : undefined
  const above = dirname(path)
  return above === path ? undefined : brokenLink(above)
}
