import { randomUUID } from "node:crypto"
import { mkdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../blobs/index.js"
import { JsonFields, parseJson } from "../bytes/index.js"
import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { createFile } from "./durable.js"

/** Our own folder in a store, outside every exported path. */
export const STORE_FOLDER = ".cistern"
const SENTINEL = `${STORE_FOLDER}/store.json`
const LARGEST = 65_536

/**
 * The store's id as its sentinel tells it; undefined where there is none. Throws StorageError `corrupt` for one that tells
 * nothing, `unreadable` and `io`.
 */
export function readSentinel(store: string): string | undefined {
  const file = join(store, SENTINEL)
  const bytes = readSmall(file)
  if (bytes === undefined) return undefined
  const id = new JsonFields(parseJson(bytes, file), file).string("id")
  if (!/^[0-9a-f-]{36}$/.test(id))
    throw new StorageError("corrupt", `${file}: no store's id`, { facts: { file } })
  return id
}

/** Puts a sentinel with this id, else a new one, into the store and returns the id. Never replaces one. */
export function createSentinel(store: string, now: Date, id: string = randomUUID()): string {
  try {
    ensureFolder(join(store, STORE_FOLDER))
    const sentinel = { cistern: "store", version: 1, id, created: now.toISOString() }
    createFile(join(store, SENTINEL), `${JSON.stringify(sentinel, undefined, 2)}\n`, { mode: 0o644 })
  } catch (cause) {
    throw fileError(cause, join(store, SENTINEL), SENTINEL)
  }
  return id
}

/** Not by Node's `recursive`, which says ENOENT where the filesystem is mounted read-only. */
function ensureFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o755 })
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error
  }
}

function readSmall(file: string): Uint8Array | undefined {
  try {
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    if (!stats.isFile() || stats.size > LARGEST) {
      throw new StorageError("corrupt", `${file}: not a sentinel of ours`, { facts: { file } })
    }
    return readFileSync(file)
  } catch (cause) {
    throw fileError(cause, file, file)
  }
}
