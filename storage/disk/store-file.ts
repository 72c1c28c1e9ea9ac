import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, renameSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../blobs/index.js"
import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { replaceKeeping, sweepTemporaries } from "./durable.js"
import { STORE_FOLDER } from "./sentinel.js"

// Files of ours beside the sentinel. Whoever may write to the store may have put something else in their place, so that they
// are read with a limit and without following links, and written only into a folder that is really the store's.

/**
 * The whole of a file in the store's own folder; undefined where there is none. `largest` is in bytes. Throws StorageError:
 * `corrupt` for what is no file or larger, `unreadable`, `io`.
 */
export function readStoreFile(store: string, name: string, largest: number): Uint8Array | undefined {
  const file = join(store, STORE_FOLDER, name)
  try {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined
    return readWhole(file, largest)
  } catch (cause) {
    if (errnoOf(cause) === "ELOOP") throw notAFile(file, "it is a link")
    throw fileError(cause, file, file)
  }
}

function readWhole(file: string, largest: number): Uint8Array {
  // O_NONBLOCK: a fifo that somebody put here must not hold us until a writer comes.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw notAFile(file, "it is no file")
    if (stats.size > largest) {
      throw notAFile(file, `it has ${stats.size} bytes, more than the ${largest} that such a file may have`)
    }
    const bytes = Buffer.alloc(stats.size)
    let done = 0
    while (done < bytes.length) {
      const read = readSync(descriptor, bytes, done, bytes.length - done, done)
      if (read === 0) break
      done += read
    }
    return bytes.subarray(0, done)
  } finally {
    closeSync(descriptor)
  }
}

function notAFile(file: string, what: string): StorageError {
  return new StorageError("corrupt", `${file}: ${what}`, {
    facts: { file },
    hint: "Find out who put it there, and move it away.",
  })
}

/**
 * Puts a file into the store's own folder, for its owner only, and keeps the one before as `previous`. Makes no folder: where
 * there is none, nothing is ours. Throws StorageError: `missing`, `unreadable`, `io`; then the old file is still there, under its
 * own name or as `previous`.
 */
export function keepStoreFile(store: string, name: string, previous: string, content: Uint8Array): void {
  const folder = join(store, STORE_FOLDER)
  const file = join(folder, name)
  try {
    if (!lstatSync(folder).isDirectory()) {
      throw new StorageError("missing", `${folder} is no folder`, {
        facts: { file: folder },
        hint: "Find out who replaced the store's own folder.",
      })
    }
    sweepTemporaries(folder)
    replaceKeeping(file, join(folder, previous), content, { mode: 0o600 })
  } catch (cause) {
    throw writeError(cause, file)
  }
}

/** Moves a file of the store's own folder out of the way of the next one. False when it cannot be moved. */
export function setStoreFileAside(store: string, name: string, aside: string): boolean {
  try {
    renameSync(join(store, STORE_FOLDER, name), join(store, STORE_FOLDER, aside))
    return true
  } catch {
    // A read-only store, say. It stays where it is, which is said.
    return false
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "Make room on the store's filesystem.",
  EDQUOT: "Raise the quota of the store's filesystem, or make room in it.",
  EACCES: "Let the daemon's user write to the store's .cistern folder.",
  EPERM: "Let the daemon's user write to the store's .cistern folder.",
  EROFS: "Mount the store's filesystem writable.",
}

/** Translates the failure to write something of ours in a store. */
export function writeError(cause: unknown, file: string): unknown {
  if (cause instanceof StorageError) return cause
  const errno = errnoOf(cause)
  const hint = remedies[errno ?? ""]
  if (errno === undefined || hint === undefined) return fileError(cause, file, file)
  const code = errno === "ENOSPC" || errno === "EDQUOT" ? "io" : "unreadable"
  return new StorageError(code, `${file} cannot be written (${errno})`, {
    facts: { file, errno },
    hint,
    cause,
  })
}
