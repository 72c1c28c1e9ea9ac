import { randomBytes } from "node:crypto"
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { createFile } from "../../storage/disk/index.js"
import { errnoOf } from "../../storage/errno.js"
import { SecretError } from "./errors.js"

/** Bytes of the key, and of the file: it holds nothing else. */
const KEY_LENGTH = 32

/** The key; undefined where there is no file. Throws SecretError `key_file` for one that cannot be trusted. */
export function readKeyFile(path: string): Uint8Array | undefined {
  const descriptor = open(path)
  if (descriptor === undefined) return undefined
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw refused(path, "is not a regular file", "Give the path of the key file itself.")
    if ((stats.mode & 0o007) !== 0) {
      throw refused(path, "can be read or changed by everybody on this machine", `Run \`chmod 600 ${path}\`.`)
    }
    // One byte more than a key has, so that a longer file is noticed whatever its size was a moment ago.
    const bytes = Buffer.alloc(KEY_LENGTH + 1)
    const length = readSync(descriptor, bytes, 0, bytes.length, 0)
    if (length !== KEY_LENGTH) {
      throw refused(
        path,
        `has ${stats.size} bytes, not the ${KEY_LENGTH} of a key`,
        "Put back the key file that belongs to this state directory.",
      )
    }
    return bytes.subarray(0, KEY_LENGTH)
  } finally {
    closeSync(descriptor)
  }
}

/** Creates the file with a new key. Fails with EEXIST where there is one. */
export function createKeyFile(path: string): Uint8Array {
  const key = randomBytes(KEY_LENGTH)
  createFile(path, key, { mode: 0o600 })
  return key
}

function open(path: string): number | undefined {
  try {
    // Without O_NONBLOCK a fifo would hold the start for ever.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    if (errno === "ENOENT") return undefined
    throw refused(path, `cannot be read (${errno})`, "Let the daemon's user own it, with mode 600.")
  }
}

function refused(path: string, what: string, hint: string): SecretError {
  return new SecretError("key_file", `the key file ${path} ${what}`, hint)
}
