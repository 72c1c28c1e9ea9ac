import { randomBytes } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs"
import { basename } from "node:path"
import { isJsonObject, JsonFields, parseJson } from "../../bytes/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { createFile, removeFile, sweepTemporaries } from "../durable.js"
import type { HeldDirectory } from "../open-directory.js"
import { STORE_FOLDER } from "../sentinel.js"
import { writeError } from "../store-file.js"

// One folder for each roll back that is under way, written before anything else and removed after everything else:
//
//   <store>/.cistern/roll-backs/20261121T204500123Z-1f2e3d4c/
//     journal.json   what is rolled back, and where the present goes
//     copy           what will take its place

export const ROLL_BACKS = `${STORE_FOLDER}/roll-backs`
export const SET_ASIDE = `${STORE_FOLDER}/set-aside`
export const COPY = "copy"
const FILE = "journal.json"
const ID = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/
/** Of the directory's name, so that the name it is set aside as is not too long for the filesystem. */
const LONGEST_NAME = 200

export interface RollBackJournal {
  /** Relative to the store, like `aside`. */
  readonly directory: string
  /** Where what is there now is kept. */
  readonly aside: string
  /** The filesystem snapshot's name. */
  readonly snapshot: string
  /** Unix milliseconds. */
  readonly startedAt: number
}

export function newRollBackId(now: Date): string {
  return `${now.toISOString().replaceAll(/[-:.]/g, "")}-${randomBytes(4).toString("hex")}`
}

/** What a directory is called when it is set aside. */
export function asideOf(directory: string, id: string): string {
  const name = basename(directory)
  const fits = Buffer.byteLength(name) <= LONGEST_NAME
  return `${SET_ASIDE}/${fits ? name : "directory"}-${id}`
}

/** Makes the folder of a roll back with its journal, and opens it. */
export function beginJournal(folder: HeldDirectory, id: string, journal: RollBackJournal): HeldDirectory {
  try {
    mkdirSync(folder.entry(id), { mode: 0o700 })
  } catch (cause) {
    throw writeError(cause, `${folder.path}/${id}`)
  }
  const home = folder.open(id)
  try {
    const { startedAt, ...rest } = journal
    const content = { cistern: "roll-back", version: 1, started: new Date(startedAt).toISOString(), ...rest }
    createFile(home.entry(FILE), `${JSON.stringify(content, undefined, 2)}\n`)
    folder.sync()
    return home
  } catch (cause) {
    home.close()
    rmSync(folder.entry(id), { recursive: true, force: true })
    throw writeError(cause, `${folder.path}/${id}/${FILE}`)
  }
}

/** Forgets a roll back whose folder holds nothing but its journal. */
export function endJournal(folder: HeldDirectory, home: HeldDirectory, id: string): void {
  removeFile(home.entry(FILE))
  sweepTemporaries(home.entry("."))
  rmdirSync(folder.entry(id))
  folder.sync()
}

/** The roll backs that have a folder. */
export function journalIds(folder: HeldDirectory): string[] {
  return readdirSync(folder.entry("."))
    .filter((name) => ID.test(name))
    .sort()
}

/** Undefined where it was interrupted before anything was written. Throws StorageError `corrupt`. */
export function readJournal(home: HeldDirectory): RollBackJournal | undefined {
  const shown = `${home.path}/${FILE}`
  let bytes: Uint8Array
  try {
    bytes = readFileSync(home.entry(FILE))
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined
    throw cause
  }
  const value = parseJson(bytes, shown)
  if (!isJsonObject(value) || value["cistern"] !== "roll-back" || value["version"] !== 1)
    throw new StorageError("corrupt", `${shown}: not of a roll back`, { facts: { file: shown } })
  const fields = new JsonFields(value, shown)
  return {
    directory: fields.string("directory"),
    aside: fields.string("aside"),
    snapshot: fields.string("snapshot"),
    startedAt: Date.parse(fields.string("started")),
  }
}
