import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { asCorrupt, StorageError } from "../../errors.js"
import { JsonFields, parseJson } from "../../bytes/index.js"
import { errnoOf } from "../../errno.js"
import { changeError } from "./failures.js"
import { openOwnFolder } from "./own-folder.js"
import type { Pinned } from "./pinned.js"

// A retired directory lies in the store's own folder under the name of its id, with what is known of it in a file beside it. The file is
// there first and goes last, so that nothing lies there that nobody can put back.

export const QUARANTINE = "quarantine"
export const QUARANTINE_ID = /^\d{8}T\d{6}Z-[A-Za-z0-9._-]{1,100}$/
/** With a character that no id has: what is retired may itself be called so. */
const ENDING = "~record.json"
const LARGEST_RECORD = 64 * 1024

/** What is remembered of a retired directory. Times are RFC 3339. */
export interface RetiredRecord {
  readonly id: string
  /** Where it was, relative to the store. */
  readonly path: string
  readonly inode: string
  readonly retiredAt: string
  readonly by: string
  /** Before this it is not deleted. */
  readonly holdUntil: string
  /** Its deletion began: what is left of it is no repository any more. */
  readonly purging: boolean
}

/** A name for what is retired, by its time and the last part of its path. */
export function quarantineId(path: string, now: Date): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "")
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/[^A-Za-z0-9._-]/g, "_")
  return `${time}-${name.slice(0, 100)}`
}

export function openQuarantine(store: Pinned, makes: "make"): Pinned
export function openQuarantine(store: Pinned, makes: "look"): Pinned | undefined
export function openQuarantine(store: Pinned, makes: "make" | "look"): Pinned | undefined {
  return makes === "make" ? openOwnFolder(store, QUARANTINE, makes) : openOwnFolder(store, QUARANTINE, makes)
}

/** Writes a record, or another one in its place, whole or not at all. Throws StorageError. */
export function keepRecord(quarantine: Pinned, record: RetiredRecord): void {
  const temporary = quarantine.under(`.${record.id}.tmp`)
  try {
    removeIfThere(temporary)
    const descriptor = openSync(temporary, "wx", 0o600)
    try {
      const text = `${JSON.stringify({ cistern: "retired", version: 1, ...record }, undefined, 2)}\n`
      const bytes = Buffer.from(text)
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, quarantine.under(record.id + ENDING))
    quarantine.sync()
  } catch (cause) {
    throw changeError(cause, quarantine.path, "cannot be written to")
  }
}

export function removeRecord(quarantine: Pinned, id: string): void {
  removeIfThere(quarantine.under(id + ENDING))
  quarantine.sync()
}

/** Undefined: there is none of that id. Throws StorageError `corrupt` for one that is not ours. */
export function recordOf(quarantine: Pinned, id: string): RetiredRecord | undefined {
  if (!QUARANTINE_ID.test(id)) return undefined
  const file = `${quarantine.path}/${id}${ENDING}`
  try {
    const record = parseRecord(readOwn(quarantine, id, file), file)
    if (record.id !== id) throw new StorageError("corrupt", `${file} is about ${JSON.stringify(record.id)}`)
    return record
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined
    throw changeError(cause, file, "cannot be read")
  }
}

/** All that is retired, the newest first. A directory whose record is gone or cannot be believed is told by its id alone. */
export function recordsIn(
  quarantine: Pinned,
): { readonly id: string; readonly record: RetiredRecord | undefined }[] {
  return quarantine
    .names()
    .filter((name) => QUARANTINE_ID.test(name))
    .reverse()
    .map((id) => ({ id, record: believed(quarantine, id) }))
}

function believed(quarantine: Pinned, id: string): RetiredRecord | undefined {
  try {
    return recordOf(quarantine, id)
  } catch (error) {
    if (error instanceof StorageError && error.code === "corrupt") return undefined
    throw error
  }
}

function readOwn(quarantine: Pinned, id: string, file: string): Uint8Array {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const descriptor = openSync(quarantine.under(id + ENDING), flags)
  try {
    const stats = fstatSync(descriptor)
    const ours = stats.isFile() && stats.uid === process.geteuid?.() && (stats.mode & 0o022) === 0
    if (!ours || stats.size > LARGEST_RECORD) {
      throw new StorageError("corrupt", `${file} is no record of ours`, {
        facts: { file },
        hint: "Find out who put it there. What is beside it can be moved back by hand.",
      })
    }
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function parseRecord(bytes: Uint8Array, file: string): RetiredRecord {
  try {
    const fields = new JsonFields(parseJson(bytes, file), file)
    const record = {
      id: fields.string("id"),
      path: fields.string("path"),
      inode: fields.string("inode"),
      retiredAt: fields.string("retiredAt"),
      by: fields.string("by"),
      holdUntil: fields.string("holdUntil"),
      purging: fields.get("purging") === true,
    }
    if (Number.isNaN(Date.parse(record.holdUntil))) throw new RangeError("no time")
    return record
  } catch (cause) {
    throw asCorrupt(cause, file, "not a record of a retired directory")
  }
}

function removeIfThere(path: Buffer): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}
