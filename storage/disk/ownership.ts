import { accessSync, constants, lstatSync, opendirSync, type Stats } from "node:fs"
import { join } from "node:path"
import { fileError } from "../blobs/index.js"
import { errnoOf } from "../errno.js"
import { foreignNames } from "./emptiness.js"
import { STORE_FOLDER } from "./sentinel.js"

/** Whose a directory is, and what a look at some of what lies below it showed. */
export interface OwnershipSample {
  readonly directory: string
  readonly uid: number
  readonly gid: number
  /** Permission bits. */
  readonly mode: number
  /** Files and folders that were looked at, the directory itself among them. */
  readonly looked: number
  /** The most frequent first. `example` is an absolute path. */
  readonly owners: readonly Owner[]
  /** What the user of this process may not read. */
  readonly unreadable: { readonly count: number; readonly example: string } | undefined
}

export interface Owner {
  readonly uid: number
  readonly gid: number
  readonly count: number
  readonly example: string
}

/** Entries of one folder: the packs of a large repository lie in thousands of folders, and one has thousands of files. */
const MOST_IN_A_FOLDER = 20

/**
 * Looks at a directory and at no more than `most` files and folders below it, from the top. What filesystems and NAS systems
 * put there is left out. Throws StorageError `missing`, `unreadable`, `io` for the directory itself.
 */
export function sampleOwnership(directory: string, most: number): OwnershipSample {
  const top = topOf(directory)
  const owners = new Map<string, Owner>()
  const unreadable: string[] = []
  let looked = 0
  const look = (path: string, stats: Stats): void => {
    looked++
    const key = `${stats.uid}:${stats.gid}`
    const known = owners.get(key) ?? { uid: stats.uid, gid: stats.gid, count: 0, example: path }
    owners.set(key, { ...known, count: known.count + 1 })
    if (!isReadable(path, stats)) unreadable.push(path)
  }
  look(directory, top)
  const folders = [directory]
  for (let folder = folders.shift(); folder !== undefined && looked < most; folder = folders.shift()) {
    for (const path of entriesOf(folder, Math.min(MOST_IN_A_FOLDER, most - looked))) {
      const stats = lstatSync(path, { throwIfNoEntry: false })
      // A link shows nothing of what it leads to; what is gone meanwhile shows nothing at all.
      if (stats === undefined || stats.isSymbolicLink()) continue
      look(path, stats)
      if (stats.isDirectory()) folders.push(path)
    }
  }
  const [example] = unreadable
  return {
    directory,
    uid: top.uid,
    gid: top.gid,
    mode: top.mode & 0o7777,
    looked,
    owners: [...owners.values()].sort((one, other) => other.count - one.count),
    unreadable: example === undefined ? undefined : { count: unreadable.length, example },
  }
}

function topOf(directory: string): Stats {
  try {
    return lstatSync(directory)
  } catch (cause) {
    throw fileError(cause, directory, directory)
  }
}

function entriesOf(folder: string, most: number): string[] {
  try {
    const open = opendirSync(folder)
    try {
      const paths: string[] = []
      for (let entry = open.readSync(); entry !== null && paths.length < most; entry = open.readSync())
        if (!foreignNames.has(entry.name) && entry.name !== STORE_FOLDER) paths.push(join(folder, entry.name))
      return paths
    } finally {
      open.closeSync()
    }
  } catch {
    // It may not be entered, which was counted, or it is gone meanwhile.
    return []
  }
}

function isReadable(path: string, stats: Stats): boolean {
  try {
    accessSync(path, stats.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK)
    return true
  } catch (error) {
    return errnoOf(error) !== "EACCES"
  }
}
