import { createHash } from "node:crypto"
import type { FileTree, TreeEntry, TreeListing } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Notice } from "../repository.js"

const ID = /^[0-9a-f]{64}$/
// restic's own, rest-server's, and what NFS makes of a file that is removed while it is open (§1).
const TEMPORARY = /-tmp-\d+$|\.rest-server-temp\d*$|^\.nfs/
const MOST_NOTICES = 20

/** What lies in one of restic's folders: the files that count, and what is odd about the rest. */
export interface HashNamedFolder {
  /** Sorted by name. */
  readonly files: readonly TreeEntry[]
  readonly notices: readonly Notice[]
}

/** Tells restic's files (64 hex digits) from strays. `corrupt` for such a name on anything but a file. */
export function sortFolder(folder: string, listing: TreeListing): HashNamedFolder {
  const files: TreeEntry[] = []
  const strays: string[] = []
  for (const entry of listing.entries) {
    if (isHash(entry.name)) files.push(asFile(entry, `${folder}/${entry.name}`))
    else strays.push(entry.name)
  }
  files.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { files, notices: strayNotices(folder, strays, listing.undecodableNames) }
}

/** Whether restic may have named a file so. */
export function isHash(name: string): boolean {
  return ID.test(name)
}

/** The entry, or `corrupt` where it is no regular file. */
export function asFile(entry: TreeEntry, file: string): TreeEntry {
  if (entry.kind === "file") return entry
  throw new StorageError("corrupt", `${file} is not a regular file`, { facts: { file } })
}

/** Says of each name that it is none of restic's; of very many, only how many. */
export function strayNotices(folder: string, names: readonly string[], undecodableNames: number): Notice[] {
  const notices = [...names]
    .sort()
    .slice(0, MOST_NOTICES)
    .map((name) => strayNotice(folder, name))
  if (names.length > MOST_NOTICES) {
    const more = names.length - MOST_NOTICES
    notices.push({ code: "stray_file", message: `${folder || "the root"} holds ${more} more foreign names` })
  }
  if (undecodableNames > 0) {
    const where = folder || "the root"
    notices.push({
      code: "undecodable_name",
      message: `${where} holds ${undecodableNames} names that are not UTF-8`,
    })
  }
  return notices
}

function strayNotice(folder: string, name: string): Notice {
  const file = folder === "" ? name : `${folder}/${name}`
  return TEMPORARY.test(name)
    ? {
        code: "temporary_file",
        message: `${file} was left by a writer that was stopped, or is being written`,
        file,
      }
    : { code: "stray_file", message: `${file} is not restic's`, file }
}

/**
 * Reads a file whose name is the SHA-256 of its bytes. Read again once before it is called damage, because not every
 * program that copies repositories puts its files in place whole, as restic does.
 */
export async function readHashNamed(
  files: FileTree,
  folder: string,
  id: string,
  maxLength: number,
): Promise<Uint8Array> {
  const file = `${folder}/${id}`
  for (let last = false; ; last = true) {
    const bytes = await files.read(file, maxLength)
    if (createHash("sha256").update(bytes).digest("hex") === id) return bytes
    if (last) {
      throw new StorageError(
        "corrupt",
        `${file}: its ${bytes.length} bytes are not those it is named after`,
        {
          facts: { file, length: bytes.length },
          hint: "If the repository is being copied here, wait for the copy; else fetch this file from another copy.",
        },
      )
    }
  }
}

/** Runs a parser and puts the file's name to what it throws. */
export function naming<T>(file: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof StorageError) || cause.facts["file"] === file) throw cause
    const message = cause.message.startsWith(file) ? cause.message : `${file}: ${cause.message}`
    const facts = { ...cause.facts, file }
    throw new StorageError(cause.code, message, {
      facts,
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    })
  }
}
