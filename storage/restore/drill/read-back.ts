import { createHash } from "node:crypto"
import { chmodSync, closeSync, constants, openSync, read } from "node:fs"
import { promisify } from "node:util"
import { nameOfBytes } from "../../disk/directories/names.js"
import { Pinned } from "../../disk/directories/pinned.js"
import { errnoOf } from "../../errno.js"
import type { FileCalls } from "../../host/index.js"
import type { SpooledFile } from "./spool.js"

const readAt = promisify(read)
const CHUNK = 1024 * 1024
const SLASH = 0x2f

/** Restored files, as the disk gives them. */
export class RestoredTree {
  readonly #top: string
  readonly #calls: FileCalls | undefined
  readonly #buffer = Buffer.alloc(CHUNK)
  #last: { readonly path: Buffer; readonly directory: Pinned } | undefined

  /** `top`: an absolute path without links. */
  constructor(top: string, calls: FileCalls | undefined) {
    this.#top = top
    this.#calls = calls
  }

  /** What is wrong with a file on the disk; undefined when it is byte by byte what was read of the repository. Throws the signal's reason. */
  async check(file: SpooledFile, signal: AbortSignal | undefined): Promise<string | undefined> {
    try {
      const { bytes, sha256 } = await this.#read(file.path, signal)
      if (bytes !== file.bytes) return `it has ${bytes} bytes on the disk, and ${file.bytes} were written`
      return sha256.equals(file.sha256) ? undefined : "the disk gives other bytes than were written"
    } catch (error) {
      signal?.throwIfAborted()
      const errno = errnoOf(error)
      if (errno === undefined && !(error instanceof Error && error.name === "StorageError")) throw error
      return `it cannot be read back (${errno ?? String(error)})`
    }
  }

  close(): void {
    this.#last?.directory.close()
    this.#last = undefined
  }

  async #read(path: Buffer, signal: AbortSignal | undefined): Promise<{ bytes: number; sha256: Buffer }> {
    const end = path.lastIndexOf(SLASH)
    const directory = this.#directory(path.subarray(0, Math.max(end, 0)))
    const descriptor = openReadable(directory, nameOfBytes(path.subarray(end + 1)))
    try {
      // What memory still has of it proves nothing of the disk.
      this.#calls?.dropCache(descriptor)
      const hash = createHash("sha256")
      let bytes = 0
      for (;;) {
        signal?.throwIfAborted()
        const { bytesRead } = await readAt(descriptor, this.#buffer, 0, CHUNK, bytes)
        if (bytesRead === 0) break
        hash.update(this.#buffer.subarray(0, bytesRead))
        bytes += bytesRead
      }
      this.#calls?.dropCache(descriptor)
      return { bytes, sha256: hash.digest() }
    } finally {
      closeSync(descriptor)
    }
  }

  /** Files come directory by directory. */
  #directory(path: Buffer): Pinned {
    if (this.#last?.path.equals(path) === true) return this.#last.directory
    this.close()
    let directory = Pinned.directoryAt(this.#top)
    for (const name of path.length === 0 ? [] : nameOfBytes(path).split("/")) {
      const above = directory
      try {
        directory = enter(above, name)
      } finally {
        above.close()
      }
    }
    this.#last = { path: Buffer.from(path), directory }
    return directory
  }
}

function enter(directory: Pinned, name: string): Pinned {
  const child = asOwner(directory, () => directory.child(name))
  if (child?.look().kind === "directory") return child
  child?.close()
  throw Object.assign(new Error("it is not there any more"), { code: "ENOENT" })
}

function openReadable(directory: Pinned, name: string): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  try {
    return asOwner(directory, () => openSync(directory.under(name), flags))
  } catch (error) {
    if (errnoOf(error) !== "EACCES") throw error
  }
  const file = directory.child(name)
  try {
    if (file?.look().kind === "file") chmodSync(file.self, 0o600)
  } finally {
    file?.close()
  }
  return openSync(directory.under(name), flags)
}

/** A mode may keep the owner out of what was restored. It is scratch space. */
function asOwner<T>(directory: Pinned, act: () => T): T {
  try {
    return act()
  } catch (error) {
    const errno = errnoOf(error) ?? errnoOf(error instanceof Error ? error.cause : undefined)
    if (errno !== "EACCES") throw error
  }
  chmodSync(directory.self, 0o700)
  return act()
}
