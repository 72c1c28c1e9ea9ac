import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { isJsonObject, JsonFields, parseJson } from "../../bytes/index.js"
import { fileError } from "../../blobs/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { createFile, removeFile } from "../durable.js"
import type { HeldDirectory } from "../open-directory.js"
import { writeError } from "../store-file.js"

/** What is kept beside a filesystem snapshot on btrfs, so that it outlives the state directory. */
export interface About {
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly reason: string
  readonly expiresAt: number | undefined
  /** The subvolume, relative to the store; "." is the store itself. */
  readonly of: string
}

const FILE = "about.json"
const LARGEST = 65_536

export function writeAbout(folder: HeldDirectory, { createdAt, reason, expiresAt, of }: About): void {
  const about = {
    cistern: "filesystem-snapshot",
    version: 1,
    created: new Date(createdAt).toISOString(),
    reason,
    ...(expiresAt === undefined ? {} : { expires: new Date(expiresAt).toISOString() }),
    of,
  }
  try {
    createFile(folder.entry(FILE), `${JSON.stringify(about, undefined, 2)}\n`)
  } catch (cause) {
    throw writeError(cause, `${folder.path}/${FILE}`)
  }
}

export function removeAbout(folder: HeldDirectory): void {
  removeFile(folder.entry(FILE))
}

/** Undefined where there is none: its making was interrupted. Throws StorageError `corrupt` for one that tells nothing. */
export function readAbout(folder: HeldDirectory): About | undefined {
  const shown = `${folder.path}/${FILE}`
  const bytes = readSmall(folder.entry(FILE), shown)
  if (bytes === undefined) return undefined
  const value = parseJson(bytes, shown)
  if (!isJsonObject(value) || value["cistern"] !== "filesystem-snapshot" || value["version"] !== 1)
    throw new StorageError("corrupt", `${shown}: not of a filesystem snapshot`, { facts: { file: shown } })
  const fields = new JsonFields(value, shown)
  const expires = fields.optionalString("expires")
  return {
    createdAt: time(fields.string("created"), shown),
    reason: fields.string("reason"),
    expiresAt: expires === undefined ? undefined : time(expires, shown),
    of: fields.string("of"),
  }
}

function time(text: string, shown: string): number {
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw new StorageError("corrupt", `${shown}: no time: ${JSON.stringify(text.slice(0, 64))}`, {
    facts: { file: shown },
  })
}

function readSmall(path: string, shown: string): Uint8Array | undefined {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined
    throw fileError(cause, shown, shown)
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile() || stats.size > LARGEST)
      throw new StorageError("corrupt", `${shown}: not a file of ours`, { facts: { file: shown } })
    const bytes = Buffer.alloc(stats.size)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(descriptor)
  }
}
