import { readdirSync, statSync, type BigIntStats } from "node:fs"
import { errnoOf } from "../errno.js"
import { fileError } from "../blobs/index.js"
import type { Damage, FoundFile, Unread } from "./stored-file.js"

export interface Walked {
  readonly files: FoundFile[]
  /** Folders that were not entered, and what is neither file nor folder. */
  readonly others: string[]
  readonly damage: Damage[]
  readonly unread: Unread[]
}

/** Deeper than any engine writes; it also ends circles of symbolic links. */
const MOST_LEVELS = 20

/**
 * Every file below `root`. Folders are entered where `enter` says so, by path. What is gone while it is looked at was never
 * there; what cannot be listed is told, and the walk goes on. Throws StorageError where the root itself cannot be listed.
 */
export function walkFiles(root: string, enter: (folder: string) => boolean): Walked {
  const walked: Walked = { files: [], others: [], damage: [], unread: [] }
  const folders = [""]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of namesIn(root, folder, walked)) {
      const path = folder === "" ? name : `${folder}/${name}`
      const stats = look(root, path, walked)
      if (stats === undefined) {
        // A name that is not UTF-8 cannot be looked up as text. No engine writes one.
        if (name.includes("\ufffd")) walked.others.push(path)
        continue
      }
      if (stats.isFile()) {
        walked.files.push({ path, length: Number(stats.size), modified: stats.mtimeNs, inode: stats.ino })
      } else if (stats.isDirectory() && enter(path) && path.split("/").length < MOST_LEVELS)
        folders.push(path)
      else walked.others.push(path)
    }
  }
  return walked
}

function namesIn(root: string, folder: string, walked: Walked): string[] {
  try {
    return readdirSync(join(root, folder))
  } catch (error) {
    if (folder === "") throw fileError(error, root, folder)
    noteFailure(error, folder, walked)
    return []
  }
}

function look(root: string, path: string, walked: Walked): BigIntStats | undefined {
  try {
    return statSync(join(root, path), { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    noteFailure(error, path, walked)
    return undefined
  }
}

function noteFailure(error: unknown, path: string, walked: Walked): void {
  const { code } = fileError(error, path, path)
  if (code === "missing" || errnoOf(error) === "ELOOP") return
  if (code === "unreadable" || code === "timeout") walked.unread.push({ blob: path, code })
  else walked.damage.push({ blob: path, code: "io" })
}

function join(root: string, path: string): string {
  return path === "" ? root : `${root}/${path}`
}
