import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { DirectoryOwner } from "./create.js"
import { changeError } from "./failures.js"
import { openOwnFolder } from "./own-folder.js"
import type { Pinned } from "./pinned.js"
import type { PlannedChange } from "./repair-plan.js"

// What a repair changes is written down before it begins, in the store's own folder: a file of lines, each JSON. The first is the header,
// the last tells how many changes there are between them; without it the file is not whole. Numbers of inodes last, those of devices do
// not, and the fence says which filesystem it is.

/** The header of a journal. */
export interface RepairRecord {
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly by: string
  /** Relative to the store. */
  readonly path: string
  /** Of the directory itself. */
  readonly inode: string
  readonly recursive: boolean
}

const FOLDER = "repairs"
const ENDING = ".jsonl"
/** Of older ones nobody knows any more what they meant. */
const MOST_JOURNALS = 50
const LARGEST_LINE = 64 * 1024
const BUFFER = 64 * 1024

export const REPAIR_ID = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/

/** A journal that is being written. Nothing of it is there before `finish`. */
export class JournalWriter {
  readonly #folder: Pinned
  readonly #id: string
  readonly #descriptor: number
  #lines: string[] = []
  #length = 0
  #count = 0

  /** Throws StorageError. */
  constructor(store: Pinned, record: RepairRecord) {
    this.#id = record.id
    this.#folder = openOwnFolder(store, FOLDER, "make")
    try {
      sweep(this.#folder)
      this.#descriptor = openSync(this.#temporary, "wx", 0o600)
    } catch (cause) {
      this.#folder.close()
      throw changeError(cause, this.#folder.path, "cannot be written to")
    }
    this.#write({ cistern: "repair", version: 1, ...record })
  }

  add(change: PlannedChange): void {
    this.#count++
    const { path, inode, kind, from, to } = change
    this.#write([path, inode, kind, numbers(from), numbers(to)])
  }

  /** The journal is whole, and on the disk. */
  finish(): void {
    this.#write({ end: this.#count })
    try {
      this.#flush()
      fsyncSync(this.#descriptor)
      renameSync(this.#temporary, this.#folder.under(this.#id + ENDING))
      this.#folder.sync()
    } catch (cause) {
      throw changeError(cause, this.#folder.path, "cannot be written to")
    }
  }

  /** Also after `finish`; without it, nothing is left. */
  close(): void {
    closeSync(this.#descriptor)
    removeIfThere(this.#temporary)
    this.#folder.close()
  }

  get #temporary(): Buffer {
    return this.#folder.under(`.${this.#id}.tmp`)
  }

  #write(line: unknown): void {
    const text = `${JSON.stringify(line)}\n`
    this.#lines.push(text)
    this.#length += text.length
    if (this.#length >= BUFFER) this.#flush()
  }

  #flush(): void {
    const bytes = Buffer.from(this.#lines.join(""))
    this.#lines = []
    this.#length = 0
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#descriptor, bytes, done)
    } catch (cause) {
      throw changeError(cause, this.#folder.path, "cannot be written to")
    }
  }
}

/** A journal that is whole. Close it. */
export class JournalReader {
  readonly record: RepairRecord
  readonly #descriptor: number
  readonly #lines: Generator<string, undefined, undefined>
  readonly #path: string

  /** Undefined: there is none of that id. Throws StorageError `corrupt` for one that is not ours or not whole. */
  static open(store: Pinned, id: string): JournalReader | undefined {
    const folder = REPAIR_ID.test(id) ? openOwnFolder(store, FOLDER, "look") : undefined
    if (folder === undefined) return undefined
    const path = `${folder.path}/${id}${ENDING}`
    try {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      return new JournalReader(openSync(folder.under(id + ENDING), flags), path)
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return undefined
      throw changeError(cause, path, "cannot be read")
    } finally {
      folder.close()
    }
  }

  private constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor
    this.#path = path
    try {
      const stats = fstatSync(descriptor)
      if (!stats.isFile() || stats.uid !== process.geteuid?.() || (stats.mode & 0o022) !== 0)
        throw notOurs(path)
      this.#lines = linesOf(descriptor, path)
      const { value }: { value: string | undefined } = this.#lines.next()
      this.record = parseRecord(value, path)
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  }

  /** Once. Throws StorageError `corrupt` at the end of one that is not whole. */
  *changes(): Generator<PlannedChange, void, undefined> {
    let count = 0
    for (const line of this.#lines) {
      const value = parsed(line, this.#path)
      if (!Array.isArray(value)) {
        if ((value as { end?: unknown } | null)?.end === count) return
        throw notOurs(this.#path)
      }
      yield parseChange(value, this.#path)
      count++
    }
    throw notOurs(this.#path)
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** The repairs that can be undone, the newest first. One that cannot be read is left out. */
export function listRepairs(store: Pinned): RepairRecord[] {
  const folder = openOwnFolder(store, FOLDER, "look")
  if (folder === undefined) return []
  try {
    return idsIn(folder).flatMap((id) => {
      const reader = JournalReader.open(store, id)
      reader?.close()
      return reader === undefined ? [] : [reader.record]
    })
  } finally {
    folder.close()
  }
}

/** A repair that was undone is none any more. */
export function removeJournal(store: Pinned, id: string): void {
  const folder = openOwnFolder(store, FOLDER, "look")
  if (folder === undefined) return
  try {
    removeIfThere(folder.under(id + ENDING))
    folder.sync()
  } finally {
    folder.close()
  }
}

function idsIn(folder: Pinned): string[] {
  return folder
    .names()
    .filter((name) => name.endsWith(ENDING))
    .map((name) => name.slice(0, -ENDING.length))
    .filter((id) => REPAIR_ID.test(id))
    .reverse()
}

/** What a kill left half written, and what is too old. */
function sweep(folder: Pinned): void {
  for (const name of folder.names())
    if (name.startsWith(".") && name.endsWith(".tmp")) removeIfThere(folder.under(name))
  for (const id of idsIn(folder).slice(MOST_JOURNALS)) removeIfThere(folder.under(id + ENDING))
}

function removeIfThere(path: Buffer): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}

function* linesOf(descriptor: number, path: string): Generator<string, undefined, undefined> {
  const bytes = Buffer.alloc(BUFFER)
  let rest = Buffer.alloc(0)
  for (let read = readSync(descriptor, bytes); read > 0; read = readSync(descriptor, bytes)) {
    rest = Buffer.concat([rest, bytes.subarray(0, read)])
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield rest.subarray(0, end).toString("utf8")
      rest = rest.subarray(end + 1)
    }
    if (rest.length > LARGEST_LINE) throw notOurs(path)
  }
  return undefined
}

function numbers({ uid, gid, mode }: DirectoryOwner): readonly number[] {
  return [uid, gid, mode]
}

function parsed(line: string, path: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw notOurs(path, cause)
  }
}

function parseRecord(line: string | undefined, path: string): RepairRecord {
  const value = parsed(line ?? "", path)
  if (typeof value !== "object" || value === null) throw notOurs(path)
  const { cistern, version, id, at, by, path: directory, inode, recursive } = value as Record<string, unknown>
  if (
    cistern !== "repair" ||
    version !== 1 ||
    typeof id !== "string" ||
    typeof at !== "string" ||
    typeof by !== "string" ||
    typeof directory !== "string" ||
    typeof inode !== "string" ||
    typeof recursive !== "boolean"
  ) {
    throw notOurs(path)
  }
  return { id, at, by, path: directory, inode, recursive }
}

function parseChange(value: readonly unknown[], file: string): PlannedChange {
  const [path, inode, kind, from, to] = value
  if (
    typeof path !== "string" ||
    typeof inode !== "string" ||
    (kind !== "directory" && kind !== "file" && kind !== "link")
  ) {
    throw notOurs(file)
  }
  const bad = path !== "" && path.split("/").some((part) => ["", ".", ".."].includes(part))
  if (bad) throw notOurs(file)
  return { path, inode, kind, from: parseOwner(from, file), to: parseOwner(to, file) }
}

function parseOwner(value: unknown, file: string): DirectoryOwner {
  const [uid, gid, mode] = Array.isArray(value) ? (value as unknown[]) : []
  if (!isId(uid) || !isId(gid) || !isId(mode) || mode > 0o7777) throw notOurs(file)
  return { uid, gid, mode }
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_fffe
}

function notOurs(path: string, cause?: unknown): StorageError {
  return new StorageError("corrupt", `${path} is no journal of a repair that can be believed`, {
    facts: { file: path },
    hint: "Find out who changed it; without it the repair has to be taken back by hand.",
    cause,
  })
}
