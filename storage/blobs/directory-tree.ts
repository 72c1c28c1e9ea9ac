import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  type BigIntStats,
} from "node:fs"
import { errnoOf } from "../errno.js"
import { StorageError, type StorageErrorCode } from "../errors.js"
import type { FileTree, FolderNames, TreeEntry, TreeListing } from "./file-tree.js"

const BEYOND_ASCII = /[\x80-\xff]/
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** So that a large file on a slow disk is many calls that come back, and no long one that might hang. */
const LONGEST_READ = 1024 * 1024

export type FileCall = <T>(call: () => T) => T

export interface TreeOptions {
  /** Read files without a trace in their times of last access, where this process may: only their owner and root can. */
  readonly leaveAccessTimes?: boolean
}

/**
 * A directory. All calls are synchronous inside: libuv's four file threads are shared by the whole process, so one hung
 * mount would stop every other store. The daemon instead gives each store a thread of its own, which hangs alone.
 */
export class DirectoryTree implements FileTree {
  readonly location: string
  readonly #during: FileCall
  readonly #leaveAccessTimes: boolean

  /** `during` runs each single call into the filesystem, so that somebody can see one that does not come back. */
  constructor(directory: string, during: FileCall = (call) => call(), options: TreeOptions = {}) {
    this.location = directory
    this.#during = during
    this.#leaveAccessTimes = options.leaveAccessTimes ?? false
  }

  async list(folder: string): Promise<TreeListing> {
    const { names, undecodableNames } = await this.names(folder)
    const entries: TreeEntry[] = []
    for (const name of names) {
      const entry = this.#stat(folder === "" ? name : `${folder}/${name}`, name)
      // Gone between the two calls: as if it had never been listed.
      if (entry !== undefined) entries.push(entry)
    }
    return { entries, undecodableNames }
  }

  async names(folder: string): Promise<FolderNames> {
    const directory = this.#resolve(folder)
    const names: string[] = []
    let undecodableNames = 0
    // One character for each byte: a string costs less than a buffer, and what is not ASCII is still what it was.
    for (const bytes of this.#attempt(folder, () => readdirSync(directory, { encoding: "latin1" }))) {
      const name = BEYOND_ASCII.test(bytes) ? decodeName(bytes) : bytes
      if (name === undefined) undecodableNames++
      else names.push(name)
    }
    return { names, undecodableNames }
  }

  async read(path: string, maxLength: number): Promise<Uint8Array> {
    return this.#open(path, (descriptor, length) => {
      if (length > maxLength) {
        throw new StorageError(
          "corrupt",
          `${path}: ${length} bytes, more than the ${maxLength} that such a file may have`,
          {
            facts: { file: path, length, maxLength },
          },
        )
      }
      return this.#readExactly(path, descriptor, 0, length)
    })
  }

  async readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#open(path, (descriptor, fileLength) => {
      if (offset + length > fileLength) {
        throw new StorageError(
          "corrupt",
          `${path}: bytes ${offset} to ${offset + length} are wanted, the file has ${fileLength}`,
          { facts: { file: path, offset, length, fileLength } },
        )
      }
      return this.#readExactly(path, descriptor, offset, length)
    })
  }

  async stat(path: string): Promise<TreeEntry | undefined> {
    return this.#stat(path, path.slice(path.lastIndexOf("/") + 1))
  }

  #open<T>(path: string, use: (descriptor: number, length: number) => T): T {
    // O_NONBLOCK: a fifo that somebody put here must not hold us until a writer comes.
    const absolute = this.#resolve(path)
    const descriptor = this.#attempt(path, () => this.#descriptor(absolute))
    try {
      const stats = this.#attempt(path, () => fstatSync(descriptor))
      if (!stats.isFile())
        throw new StorageError("corrupt", `${path}: not a regular file`, { facts: { file: path } })
      return use(descriptor, stats.size)
    } finally {
      this.#during(() => {
        closeSync(descriptor)
      })
    }
  }

  #descriptor(absolute: string): number {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK
    if (!this.#leaveAccessTimes) return openSync(absolute, flags)
    try {
      return openSync(absolute, flags | constants.O_NOATIME)
    } catch (error) {
      // Another user's file: it can still be read, and the kernel notes that it was.
      if (errnoOf(error) !== "EPERM") throw error
      return openSync(absolute, flags)
    }
  }

  #readExactly(path: string, descriptor: number, offset: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let done = 0; done < length;) {
      const wanted = Math.min(length - done, LONGEST_READ)
      const count = this.#attempt(path, () => readSync(descriptor, bytes, done, wanted, offset + done))
      if (count === 0) {
        throw new StorageError(
          "corrupt",
          `${path}: ended at byte ${offset + done}, ${offset + length} were there`,
          {
            facts: { file: path },
          },
        )
      }
      done += count
    }
    return bytes
  }

  #stat(path: string, name: string): TreeEntry | undefined {
    const absolute = this.#resolve(path)
    const stats = this.#attempt(path, () => statSync(absolute, { bigint: true, throwIfNoEntry: false }))
    if (stats === undefined) return undefined
    const kind = kindOf(stats)
    return { name, kind, length: kind === "file" ? Number(stats.size) : 0, modified: stats.mtimeNs }
  }

  #resolve(path: string): string {
    if (path === "") return this.location
    if (
      path.includes("\0") ||
      path.startsWith("/") ||
      path.split("/").some((part) => part === "" || part === "." || part === "..")
    ) {
      throw new StorageError(
        "invalid",
        `not a path inside a repository: ${JSON.stringify(path.slice(0, 200))}`,
      )
    }
    return `${this.location}/${path}`
  }

  #attempt<T>(path: string, call: () => T): T {
    try {
      return this.#during(call)
    } catch (cause) {
      throw fileError(cause, `${this.location}${path === "" ? "" : "/" + path}`, path)
    }
  }
}

function decodeName(bytes: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(bytes, "latin1"))
  } catch {
    return undefined
  }
}

function kindOf(stats: BigIntStats): TreeEntry["kind"] {
  if (stats.isFile()) return "file"
  return stats.isDirectory() ? "directory" : "other"
}

const codes: Readonly<Record<string, { code: StorageErrorCode; what: string; hint: string }>> = {
  ENOENT: {
    code: "missing",
    what: "is not there",
    hint: "Check that the filesystem is mounted and the path is right.",
  },
  ENOTDIR: { code: "missing", what: "is not a directory", hint: "Check the path of the repository." },
  EACCES: {
    code: "unreadable",
    what: "may not be read",
    hint: "Let the daemon's user read it (owner, mode, or the export's squash).",
  },
  EPERM: {
    code: "unreadable",
    what: "may not be read",
    hint: "Let the daemon's user read it (owner, mode, or the export's squash).",
  },
  EROFS: {
    code: "unreadable",
    what: "cannot be written: the filesystem is mounted read-only",
    hint: "Mount it writable; for reading alone, its sentinel must have been written before.",
  },
  ESTALE: { code: "io", what: "has a stale NFS handle", hint: "Mount the filesystem again." },
  ETIMEDOUT: {
    code: "timeout",
    what: "did not answer in time",
    hint: "Check the server that holds the filesystem.",
  },
}

/** Translates an errno failure once, keeping it as the cause. `shown` is the full path, `file` the relative one. */
export function fileError(cause: unknown, shown: string, file: string): StorageError {
  if (cause instanceof StorageError) return cause
  const errno = errnoOf(cause)
  if (errno === undefined) throw cause
  const known = codes[errno] ?? {
    code: "io" as const,
    what: `cannot be read (${errno})`,
    hint: "Look at the kernel log and at the health of the disk or the network filesystem.",
  }
  return new StorageError(known.code, `${shown} ${known.what}`, {
    facts: { file, errno },
    hint: known.hint,
    cause,
  })
}
