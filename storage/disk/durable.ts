import { randomUUID } from "node:crypto"
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { errnoOf } from "../errno.js"

// Synchronous like all our file access: a hung mount then holds only the thread that touched it, while a promise would
// hold one of the four file threads that the whole process shares.

export interface FileOptions {
  /** Permission bits, whatever the umask. The default is 0600. */
  readonly mode?: number
}

/** Creates `path`, whole or not at all. Fails with EEXIST rather than touch a file that is already there. */
export function createFile(path: string, content: Uint8Array | string, options: FileOptions = {}): void {
  viaTemporary(path, content, options, (temporary) => {
    linkSync(temporary, path)
    unlinkSync(temporary)
  })
}

/** Creates or replaces `path`. After a power cut the file is the old one or the new one, never a mix. */
export function replaceFile(path: string, content: Uint8Array | string, options: FileOptions = {}): void {
  viaTemporary(path, content, options, (temporary) => {
    renameSync(temporary, path)
  })
}

/**
 * Replaces `path` and keeps what was there as `previous`, in the same directory. Whenever it is stopped, one of the two is the
 * old file or the new one, whole.
 */
export function replaceKeeping(
  path: string,
  previous: string,
  content: Uint8Array | string,
  options: FileOptions = {},
): void {
  viaTemporary(path, content, options, (temporary) => {
    renameIfThere(path, previous)
    renameSync(temporary, path)
  })
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}

/** Removes `path` for good. That it is already gone is success. */
export function removeFile(path: string): void {
  rmSync(path, { force: true })
  syncDirectory(dirname(path))
}

/**
 * Removes what interrupted calls of this file left in a directory, and nothing else; returns the names. For directories in
 * which only one process of ours writes, before it does.
 */
export function sweepTemporaries(directory: string): string[] {
  const strays = readdirSync(directory).filter((name) => TEMPORARY.test(name))
  for (const name of strays) rmSync(join(directory, name), { force: true })
  return strays
}

const TEMPORARY = /^\..+\.[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.tmp$/

function viaTemporary(
  path: string,
  content: Uint8Array | string,
  options: FileOptions,
  putInPlace: (temporary: string) => void,
): void {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    writeAndSync(temporary, content, options.mode ?? 0o600)
    putInPlace(temporary)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  // The new name lives in the directory, so the directory has to reach the disk too.
  syncDirectory(directory)
}

function writeAndSync(path: string, content: Uint8Array | string, mode: number): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content
  // Private until it is complete, so that nobody reads a secret through a mode that is about to be narrowed.
  const descriptor = openSync(path, "wx", 0o600)
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done)
    fchmodSync(descriptor, mode)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
