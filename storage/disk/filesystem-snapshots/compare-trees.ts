import { readlinkSync } from "node:fs"
import { join } from "node:path"
import { StorageError } from "../../errors.js"
import { type TreeEntry, walkTree } from "./tree-walk.js"

export interface TreeSize {
  /** Files, links and what else is no folder. */
  readonly files: number
  readonly folders: number
  /** Of the files, as their sizes say. */
  readonly bytes: number
}

/**
 * Compares every entry of two trees that nobody changes: kind, size, time of change, mode, owner, and where links lead. Not the
 * bytes. Gives what both hold. Throws StorageError `io` for the first difference.
 */
export async function compareTrees(wanted: string, made: string, signal?: AbortSignal): Promise<TreeSize> {
  const others = walkTree(made, signal)
  let size: TreeSize = { files: 0, folders: 0, bytes: 0 }
  for await (const entry of walkTree(wanted, signal)) {
    const next = await others.next()
    const other = next.done === true ? undefined : next.value
    if (other?.path !== entry.path)
      throw differs(
        entry.path,
        other === undefined ? "is missing" : `is missing, or ${other.path} is too many`,
      )
    const what = difference(wanted, entry, made, other)
    if (what !== undefined) throw differs(entry.path, what)
    size = withEntry(size, entry)
  }
  const next = await others.next()
  if (next.done !== true) throw differs(next.value.path, "is too many")
  return size
}

export function withEntry({ files, folders, bytes }: TreeSize, { stats }: TreeEntry): TreeSize {
  if (stats.isDirectory()) return { files, folders: folders + 1, bytes }
  return { files: files + 1, folders, bytes: bytes + (stats.isFile() ? Number(stats.size) : 0) }
}

function difference(
  wantedTop: string,
  wanted: TreeEntry,
  madeTop: string,
  made: TreeEntry,
): string | undefined {
  const [one, other] = [wanted.stats, made.stats]
  if (one.mode !== other.mode) return `has the mode ${other.mode.toString(8)}, not ${one.mode.toString(8)}`
  if (one.uid !== other.uid || one.gid !== other.gid)
    return `is owned by ${other.uid.toString()}:${other.gid.toString()}, not ${one.uid.toString()}:${one.gid.toString()}`
  if (one.mtimeNs !== other.mtimeNs) return "has another time of change"
  if (one.rdev !== other.rdev) return "is another device"
  if (one.isFile() && one.size !== other.size)
    return `has ${other.size.toString()} bytes, not ${one.size.toString()}`
  if (one.isSymbolicLink() && linkAt(wantedTop, wanted) !== linkAt(madeTop, made)) return "leads elsewhere"
  return undefined
}

function linkAt(top: string, { path }: TreeEntry): string {
  return readlinkSync(join(top, path))
}

function differs(path: string, what: string): StorageError {
  return new StorageError(
    "io",
    `the copy is not what the filesystem snapshot holds: ${path === "" ? "its top" : path} ${what}`,
    {
      facts: { file: path },
      hint: "Try again; nothing was exchanged.",
    },
  )
}
