import { closeSync, constants, fstatSync, fsyncSync, mkdirSync, openSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../blobs/index.js"
import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { writeError } from "./store-file.js"

// Whoever may write to a directory may put a link in the place of any folder in it, at any moment. What is done by a path may
// then be done elsewhere. So the places at which something is changed are walked to without following links, and held open.

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** A directory that is held open: it stays this one, whatever becomes of its name. */
export class HeldDirectory {
  readonly descriptor: number
  /** Where it was when it was opened. For messages. */
  readonly path: string

  private constructor(descriptor: number, path: string) {
    this.descriptor = descriptor
    this.path = path
  }

  /** Opens an absolute path that whoever calls trusts up to its last name, which may be no link. `shown`: as messages name it. */
  static at(path: string, shown = path): HeldDirectory {
    return new HeldDirectory(openDirectory(path, shown), shown)
  }

  /** Opens a folder in it, any number of names down. None of them may be a link or "..". */
  open(relative: string): HeldDirectory {
    const names = namesOf(relative)
    let here = new HeldDirectory(openDirectory(this.entry("."), this.path), this.path)
    for (const name of names) {
      const above = here
      const path = join(above.path, name)
      try {
        here = new HeldDirectory(openDirectory(above.entry(name), path), path)
      } finally {
        above.close()
      }
    }
    return here
  }

  /** The same, made where it is not there, for its owner only. */
  make(relative: string): HeldDirectory {
    let here = this.open(".")
    for (const name of namesOf(relative)) {
      const above = here
      try {
        mkdirIfMissing(above.entry(name), join(above.path, name))
        here = above.open(name)
      } finally {
        above.close()
      }
    }
    return here
  }

  /** A path to an entry in it that no renaming above it changes. One name; what it is, is not looked at. */
  entry(name: string): string {
    return `/proc/self/fd/${this.descriptor}/${name}`
  }

  /** Which directory it is, among those that exist at this moment. */
  get identity(): { readonly device: bigint; readonly inode: bigint } {
    const { dev, ino } = fstatSync(this.descriptor, { bigint: true })
    return { device: dev, inode: ino }
  }

  /** Waits until the names in it are on the disk. */
  sync(): void {
    fsyncSync(this.descriptor)
  }

  close(): void {
    closeSync(this.descriptor)
  }
}

/** Whether an error says that a name is not there at all, rather than that it is a link or may not be opened. */
export function isAbsent(error: unknown): boolean {
  return error instanceof StorageError && error.facts["errno"] === "ENOENT"
}

function namesOf(relative: string): string[] {
  if (relative === "." || relative === "") return []
  const names = relative.split("/")
  if (names.some((name) => name === "" || name === "." || name === ".."))
    throw new StorageError("invalid", `${JSON.stringify(relative)} is no path of folders`)
  return names
}

function openDirectory(path: string, shown: string): number {
  try {
    return openSync(path, flags)
  } catch (cause) {
    const errno = errnoOf(cause)
    // A link answers ELOOP, or ENOTDIR because it is asked for as a directory.
    if (errno === "ELOOP" || errno === "ENOTDIR") {
      throw new StorageError("missing", `${shown} is a link or no directory`, {
        facts: { file: shown, errno },
        hint: "Name the directory itself; nothing is done through links.",
        cause,
      })
    }
    throw fileError(cause, shown, shown)
  }
}

function mkdirIfMissing(path: string, shown: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw writeError(cause, shown)
  }
}
