import { renameSync } from "node:fs"
import { StorageError } from "../../errors.js"
import { readMounts } from "../mountinfo.js"
import { changeError, swapped } from "./failures.js"
import { nameOfBytes, safeParts } from "./names.js"
import { type Entry, isSame, type Pinned } from "./pinned.js"
import {
  keepRecord,
  openQuarantine,
  recordOf,
  recordsIn,
  removeRecord,
  type RetiredRecord,
} from "./quarantine.js"
import { closeWay, lastOf, openStore, openWay, type StoreRoot } from "./way.js"

/** A directory that may be retired, as it is now. */
export interface RetirableDirectory {
  readonly path: string
  readonly inode: string
  readonly uid: number
  readonly gid: number
}

export interface RetireRequest {
  readonly store: StoreRoot
  /** Relative to the store. */
  readonly path: string
  /** Of the directory that somebody agreed to retire. */
  readonly inode: string
  readonly record: Pick<RetiredRecord, "id" | "retiredAt" | "by" | "holdUntil">
}

/** Looks whether a directory can be moved out of the way. Throws StorageError where it is, or holds, a mounted filesystem. */
export function lookBeforeRetiring(store: StoreRoot, path: string): RetirableDirectory {
  const way = openWay(store, safeParts(path))
  try {
    const { inode, uid, gid } = movable(way)
    return { path: lastOf(way).path, inode, uid, gid }
  } finally {
    closeWay(way)
  }
}

/**
 * Moves a directory into the store's quarantine, by one rename. Throws StorageError; then it is where it was, or, where the system
 * ended between two steps, in the quarantine with its record.
 */
export function retireDirectory({ store, path, inode, record }: RetireRequest): RetiredRecord {
  const parts = safeParts(path)
  const way = openWay(store, parts)
  try {
    const found = movable(way)
    if (found.inode !== inode) throw swapped(lastOf(way).path)
    const quarantine = openQuarantine(way[0], "make")
    try {
      if (quarantine.look().device !== found.device) throw elsewhere(lastOf(way).path)
      if (isThere(quarantine, record.id) || recordOf(quarantine, record.id) !== undefined) {
        throw new StorageError("unstable", `${record.id} is in the quarantine already`, {
          hint: "Try again in a second.",
        })
      }
      const kept = { ...record, path, inode, purging: false }
      keepRecord(quarantine, kept)
      try {
        moveAside(above(way), nameOf(parts), quarantine, record.id, found)
      } catch (error) {
        keepOnlyWhatIsThere(quarantine, kept)
        throw error
      }
      return kept
    } finally {
      quarantine.close()
    }
  } finally {
    closeWay(way)
  }
}

/** Moves what is retired back to its place, if nothing is there now. Undefined: there is none of that id. Throws StorageError. */
export function restoreDirectory(store: StoreRoot, id: string): RetiredRecord | undefined {
  const root = openStore(store)
  const quarantine = openQuarantine(root, "look")
  try {
    const record = quarantine && recordOf(quarantine, id)
    if (quarantine === undefined || record === undefined) return undefined
    if (record.purging) {
      throw new StorageError("invalid", `${id} is being deleted: it is not whole any more`, {
        hint: "Purge it again, so that the rest goes too.",
      })
    }
    const parts = safeParts(record.path)
    const way = openWay(store, parts.slice(0, -1))
    try {
      const place = lastOf(way)
      if (isThere(place, nameOf(parts))) {
        throw new StorageError("unstable", `${place.path}/${parts.at(-1) ?? ""} is taken`, {
          facts: { file: record.path },
          hint: "Retire or move away what is there now.",
        })
      }
      const retired = quarantine.child(id)
      if (retired === undefined) {
        removeRecord(quarantine, id)
        return undefined
      }
      const { inode } = retired.look()
      retired.close()
      if (inode !== record.inode) throw swapped(retired.path)
      // Nobody else may write to the quarantine: this is what was looked at.
      rename(quarantine, id, place, nameOf(parts), "cannot be moved back")
      removeRecord(quarantine, id)
      return record
    } finally {
      closeWay(way)
    }
  } finally {
    quarantine?.close()
    root.close()
  }
}

/** What lies in the quarantine of a store, the newest first. Throws StorageError. */
export function retiredIn(store: StoreRoot): ReturnType<typeof recordsIn> {
  const root = openStore(store)
  try {
    const quarantine = openQuarantine(root, "look")
    try {
      return quarantine === undefined ? [] : recordsIn(quarantine)
    } finally {
      quarantine?.close()
    }
  } finally {
    root.close()
  }
}

/**
 * Out of a folder that others may write to: what comes along is put back if it is not what was looked at, because its name had been given
 * to something else.
 */
function moveAside(from: Pinned, name: string, quarantine: Pinned, id: string, what: Entry): void {
  rename(from, name, quarantine, id, "cannot be moved to the quarantine")
  const moved = quarantine.child(id)
  const right = moved !== undefined && isSame(moved.look(), what)
  moved?.close()
  if (right) return
  rename(quarantine, id, from, name, "was moved by mistake and cannot be put back")
  throw swapped(`${from.path}/${nameShown(name)}`)
}

function rename(from: Pinned, name: string, to: Pinned, newName: string, what: string): void {
  try {
    renameSync(from.under(name), to.under(newName))
    to.sync()
    from.sync()
  } catch (cause) {
    throw changeError(cause, `${from.path}/${nameShown(name)}`, what)
  }
}

function movable(way: ReturnType<typeof openWay>): Entry {
  const directory = lastOf(way)
  const found = directory.look()
  if (directory.mountId() !== above(way).mountId()) {
    throw new StorageError("unsupported", `${directory.path} is a mounted filesystem of its own`, {
      facts: { file: directory.path },
      hint: "It cannot be moved: retire the dataset or disk itself with the tools of this machine.",
    })
  }
  const inside = readMounts().find(({ mountPoint }) => mountPoint.startsWith(`${directory.path}/`))
  if (inside !== undefined) {
    throw new StorageError("unsupported", `a filesystem is mounted in it, at ${inside.mountPoint}`, {
      facts: { file: directory.path },
      hint: "Unmount it first, or retire what is around it with the tools of this machine.",
    })
  }
  return found
}

/** After a move that failed: nothing is remembered, or what came along by mistake and could not be put back, so that it can be later. */
function keepOnlyWhatIsThere(quarantine: Pinned, record: RetiredRecord): void {
  const stray = quarantine.child(record.id)
  if (stray === undefined) removeRecord(quarantine, record.id)
  else keepRecord(quarantine, { ...record, inode: stray.look().inode })
  stray?.close()
}

function isThere(folder: Pinned, name: string): boolean {
  const entry = folder.child(name)
  entry?.close()
  return entry !== undefined
}

function elsewhere(path: string): StorageError {
  return new StorageError("unsupported", `${path} is on another filesystem than the store's own folder`, {
    facts: { file: path },
    hint: "It cannot be moved there in one step: retire the dataset or subvolume with the tools of this machine.",
  })
}

function above(way: ReturnType<typeof openWay>): Pinned {
  return way.at(-2) ?? way[0]
}

function nameOf(parts: readonly string[]): string {
  return nameOfBytes(Buffer.from(parts.at(-1) ?? ""))
}

function nameShown(name: string): string {
  return Buffer.from(name, "latin1").toString("utf8")
}
