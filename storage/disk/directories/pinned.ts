import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  opendirSync,
  readdirSync,
  readFileSync,
} from "node:fs"
import { fileError } from "../../blobs/index.js"
import { errnoOf } from "../../errno.js"
import { bytesOfName, nameOfBytes } from "./names.js"

// Node has no openat(2). A path through /proc/self/fd/N starts at what descriptor N is open on, wherever that was moved to
// and whatever has its old name now, which is the same. O_PATH (Linux, not among Node's constants) opens a thing without reading it:
// no permission on it is needed, and a fifo or a device is not woken.
const O_PATH = 0o10000000

export type Kind = "directory" | "file" | "link" | "other"

/** What a descriptor is open on. */
export interface Entry {
  readonly kind: Kind
  readonly uid: number
  readonly gid: number
  /** Permission bits, set-uid, set-gid and sticky among them. */
  readonly mode: number
  /** st_dev and st_ino in decimal. */
  readonly device: string
  readonly inode: string
  readonly links: number
}

/**
 * One file, folder or link that is held by a descriptor: what is asked of it and done to it concerns that very thing, whoever renames
 * or replaces what has its name. Links are never followed. Close it.
 */
export class Pinned {
  /** For messages. */
  readonly path: string
  readonly #descriptor: number

  private constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  /** A directory by its absolute path, in which no part is a link. Throws StorageError. */
  static directoryAt(realPath: string): Pinned {
    try {
      const flags = O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY
      return new Pinned(realPath, openSync(realPath, flags))
    } catch (cause) {
      throw fileError(cause, realPath, realPath)
    }
  }

  /** What has this name (as `nameOfBytes` writes it) in this directory; undefined: nothing. Throws StorageError. */
  child(name: string): Pinned | undefined {
    const path = `${this.path}/${bytesOfName(name).toString("utf8")}`
    try {
      return new Pinned(path, openSync(this.under(name), O_PATH | constants.O_NOFOLLOW))
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return undefined
      throw fileError(cause, path, path)
    }
  }

  look(): Entry {
    const stats = fstatSync(this.#descriptor, { bigint: true })
    return {
      kind: stats.isDirectory()
        ? "directory"
        : stats.isFile()
          ? "file"
          : stats.isSymbolicLink()
            ? "link"
            : "other",
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      mode: Number(stats.mode & 0o7777n),
      device: stats.dev.toString(),
      inode: stats.ino.toString(),
      links: Number(stats.nlink),
    }
  }

  /**
   * The kernel's number of the mount that it was reached through, as in the first column of mountinfo. It tells bind mounts apart,
   * which st_dev does not.
   */
  mountId(): number {
    const text = readFileSync(`/proc/self/fdinfo/${this.#descriptor}`, "utf8")
    return Number(/^mnt_id:\s*(\d+)$/m.exec(text)?.[1])
  }

  /** The names in it, as `nameOfBytes` writes them, sorted. Throws StorageError. */
  names(): string[] {
    try {
      return readdirSync(this.self, { encoding: "buffer" }).map(nameOfBytes).sort()
    } catch (cause) {
      throw fileError(cause, this.path, this.path)
    }
  }

  /** Some of the names in it, in the order of the disk: of a folder with a million, not all have to be read. */
  someNames(most: number, isWanted: (name: string) => boolean): string[] {
    const folder = opendirSync(this.self, { encoding: "latin1" })
    try {
      const names: string[] = []
      for (let entry = folder.readSync(); entry !== null && names.length < most; entry = folder.readSync())
        if (isWanted(entry.name)) names.push(entry.name)
      return names
    } finally {
      folder.closeSync()
    }
  }

  /** Throws the system's error. A link itself is changed, never what it leads to. */
  chown(uid: number, gid: number): void {
    chownSync(this.self, uid, gid)
  }

  /** Throws the system's error. Links have no mode. */
  chmod(mode: number): void {
    chmodSync(this.self, mode)
  }

  /** Brings a directory's names, owner and mode to the disk. */
  sync(): void {
    const descriptor = openSync(this.self, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  /** For programs that are to work in this very directory. Good while it is open. */
  get descriptor(): number {
    return this.#descriptor
  }

  /** A path to it that no rename changes. Good while it is open. */
  get self(): string {
    return `/proc/self/fd/${this.#descriptor}`
  }

  /** A path to a name in it, for calls that do not follow a link in the last part. */
  under(name: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.self}/`), bytesOfName(name)])
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** The same thing, not only one of the same name. */
export function isSame(
  one: Pick<Entry, "device" | "inode">,
  other: Pick<Entry, "device" | "inode">,
): boolean {
  return one.device === other.device && one.inode === other.inode
}
