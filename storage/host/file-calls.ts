import type { ExtendedAttribute } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Instant } from "../instant.js"
import { type CLibrary, cLibrary, cPath, systemError } from "./libc.js"

export type SpecialKind = "fifo" | "block_device" | "character_device"

/** What can be done to files only by the C library. Failures are errors as Node's own calls throw them. */
export interface FileCalls {
  /** Sets the times of the last access and change. A link in the last part is followed, save one in /proc/self/fd: it is what is open. */
  setTimes(path: string, modified: Instant): void
  /** Follows as `setTimes` does. */
  setAttribute(path: string, attribute: ExtendedAttribute): void
  /** Sorted by name. Follows as `setTimes` does. */
  attributes(path: string): ExtendedAttribute[]
  /** `mode`: permissions, less the process' umask. `device`: st_rdev, of devices. */
  makeSpecial(path: Uint8Array, kind: SpecialKind, mode: number, device?: number): void
  /** Tells the system that an open file will be read from its beginning to its end, so that it reads further ahead. */
  readAhead(descriptor: number): void
  /** Asks the system to forget what it has in memory of an open file, and was written to the disk already. */
  dropCache(descriptor: number): void
  /** Takes the lock of an open file for as long as it is open; false: another process or another opening has it. */
  tryLock(descriptor: number): boolean
}

const AT_FDCWD = -100
const LOCK_EX_NB = 2 | 4
// linux/fadvise.h: the same on every processor that we run on.
const POSIX_FADV_SEQUENTIAL = 2
const POSIX_FADV_DONTNEED = 4
const PER_SECOND = 1_000_000_000n
/** The kernel's own limits. */
const LONGEST_LIST = 64 * 1024
const LONGEST_VALUE = 64 * 1024
const formats: Readonly<Record<SpecialKind, number>> = {
  fifo: 0o010000,
  character_device: 0o020000,
  block_device: 0o060000,
}

let made: FileCalls | undefined

/** Throws StorageError `unsupported` where the C library cannot be called (see `cLibrary`). */
export function fileCalls(): FileCalls {
  made ??= make(cLibrary())
  return made
}

/** Undefined where the C library cannot be called, for those who can do without. */
export function fileCallsIfThere(): FileCalls | undefined {
  try {
    return fileCalls()
  } catch (error) {
    if (error instanceof StorageError && error.code === "unsupported") return undefined
    throw error
  }
}

function make(library: CLibrary): FileCalls {
  const utimensat = library.func("int utimensat(int, const uint8_t *, const int64_t *, int)")
  const setxattr = library.func(
    "int setxattr(const uint8_t *, const uint8_t *, const uint8_t *, size_t, int)",
  )
  const listxattr = library.func("int64_t listxattr(const uint8_t *, uint8_t *, size_t)")
  const getxattr = library.func("int64_t getxattr(const uint8_t *, const uint8_t *, uint8_t *, size_t)")
  const posixFadvise = library.func("int posix_fadvise(int, int64_t, int64_t, int)")
  const flock = library.func("int flock(int, int)")
  const mknod = nodeMaker(library)

  /** The result, or the error that C tells beside it. */
  const checked = (result: unknown, call: string, path: string): number => {
    const number = Number(result)
    if (number < 0) throw systemError(library.errno(), call, path)
    return number
  }

  return {
    setTimes(path, modified) {
      const nanoseconds = ((modified % PER_SECOND) + PER_SECOND) % PER_SECOND
      const seconds = (modified - nanoseconds) / PER_SECOND
      const times = new BigInt64Array([seconds, nanoseconds, seconds, nanoseconds])
      checked(utimensat(AT_FDCWD, cPath(path), times, 0), "utimensat", path)
    },
    setAttribute(path, { name, value }) {
      // A pointer to nothing is no pointer.
      const bytes = value.length === 0 ? new Uint8Array(1) : value
      checked(setxattr(cPath(path), cPath(name), bytes, value.length, 0), "setxattr", path)
    },
    attributes(path) {
      const list = Buffer.alloc(LONGEST_LIST)
      const length = checked(listxattr(cPath(path), list, list.length), "listxattr", path)
      const names = list.toString("latin1", 0, length).split("\0").slice(0, -1).sort()
      const value = Buffer.alloc(LONGEST_VALUE)
      return names.map((name) => {
        const bytes = Buffer.from(name, "latin1")
        const size = checked(getxattr(cPath(path), cPath(bytes), value, value.length), "getxattr", path)
        return { name: bytes.toString("utf8"), value: Uint8Array.from(value.subarray(0, size)) }
      })
    },
    makeSpecial(path, kind, mode, device = 0) {
      const shown = Buffer.from(path).toString("utf8")
      checked(mknod(cPath(path), formats[kind] + (mode % 0o10000), device), "mknod", shown)
    },
    readAhead(descriptor) {
      posixFadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    },
    dropCache(descriptor) {
      // It gives the error itself, and takes whatever it is told as advice.
      posixFadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    },
    tryLock(descriptor) {
      if (Number(flock(descriptor, LOCK_EX_NB)) === 0) return true
      const errno = library.errno()
      const error = systemError(errno, "flock", `descriptor ${descriptor}`)
      if (error.code === "EAGAIN") return false
      throw error
    },
  }
}

/** glibc before 2.33 has `mknod` in its headers only, and in the library what those call. */
function nodeMaker(library: CLibrary): (path: Buffer, mode: number, device: number) => unknown {
  try {
    return library.func("int mknod(const uint8_t *, unsigned int, uint64_t)")
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    const xmknod = library.func("int __xmknod(int, const uint8_t *, unsigned int, const uint64_t *)")
    return (path, mode, device) => xmknod(0, path, mode, new BigUint64Array([BigInt(device)]))
  }
}
