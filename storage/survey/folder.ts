import { lstatSync, opendirSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../blobs/index.js"
import { isForeignName, STORE_FOLDER } from "../disk/index.js"

export interface FolderEntry {
  readonly name: string
  readonly kind: "file" | "directory" | "link" | "other"
}

/** What a look at one folder showed. */
export interface Folder {
  /** Without what filesystems, NAS systems and Cistern itself put into folders. In the filesystem's order. */
  readonly entries: readonly FolderEntry[]
  /** Names that were read, also those that are left out of `entries`. */
  readonly read: number
  /** There are more than `most`. */
  readonly more: boolean
  /** Folders whose names are not UTF-8: nothing can name them. */
  readonly unnameable: number
}

/** What Node makes of bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd"

/**
 * Reads at most `most` names of a folder, links unfollowed, files unopened. `marks` are looked for by name where there are more:
 * a flat repository is a folder with a hundred thousand files. Throws StorageError `missing`, `unreadable`, `io`.
 */
export function readFolder(directory: string, most: number, marks: readonly string[]): Folder {
  try {
    const entries = new Map<string, FolderEntry>()
    const open = opendirSync(directory)
    let [read, unnameable, more] = [0, 0, false]
    try {
      for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
        if (read === most) {
          more = true
          break
        }
        read++
        const { name } = entry
        if (isForeignName(name) || name === STORE_FOLDER) continue
        if (name.includes(REPLACEMENT) && entry.isDirectory()) unnameable++
        else entries.set(name, { name, kind: kindOf(entry) })
      }
    } finally {
      open.closeSync()
    }
    if (more) for (const name of marks) addMark(entries, directory, name)
    return { entries: [...entries.values()], read, more, unnameable }
  } catch (cause) {
    throw fileError(cause, directory, directory)
  }
}

function addMark(entries: Map<string, FolderEntry>, directory: string, name: string): void {
  const stats = lstatSync(join(directory, name), { throwIfNoEntry: false })
  if (stats !== undefined) entries.set(name, { name, kind: kindOf(stats) })
}

interface Kinds {
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

function kindOf(entry: Kinds): FolderEntry["kind"] {
  if (entry.isFile()) return "file"
  if (entry.isDirectory()) return "directory"
  return entry.isSymbolicLink() ? "link" : "other"
}
