import { createRequire } from "node:module"
import type * as koffi from "koffi"

type Advise = (descriptor: number, offset: number, length: number, advice: number) => number
type Lock = (descriptor: number, operation: number) => number

/** What a process can tell the kernel of an open file that Node has no words for. */
export interface FileAdvice {
  /** The whole file will be read from its beginning to its end: the kernel reads further ahead. */
  sequential(descriptor: number): void
  /** Takes what was read out of memory, unless it must still be written: the next read is of the disk. */
  forget(descriptor: number): void
  /** Holds the file for this process until it is closed, also by death. False: another one holds it. */
  lock(descriptor: number): boolean
  /** False where the calls are not known; then nothing is advised and every lock is given. */
  readonly works: boolean
}

// linux/fadvise.h, sys/file.h; the same on every processor that we run on.
const POSIX_FADV_SEQUENTIAL = 2
const POSIX_FADV_DONTNEED = 4
const LOCK_EX_NB = 2 | 4

let loaded: FileAdvice | undefined

/** Never throws: advice only saves time and memory. */
export function fileAdvice(): FileAdvice {
  loaded ??= load()
  return loaded
}

function load(): FileAdvice {
  if (process.platform !== "linux" || !["x64", "arm64", "riscv64", "loong64"].includes(process.arch))
    return none
  try {
    // It holds a binary, which no bundle can.
    const library = (createRequire(import.meta.url)("koffi") as typeof koffi).load(null)
    const advise = library.func("int posix_fadvise(int, int64_t, int64_t, int)") as Advise
    const flock = library.func("int flock(int, int)") as Lock
    return {
      sequential: (descriptor) => advise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL),
      forget: (descriptor) => advise(descriptor, 0, 0, POSIX_FADV_DONTNEED),
      lock: (descriptor) => flock(descriptor, LOCK_EX_NB) === 0,
      works: true,
    }
  } catch {
    return none
  }
}

const none: FileAdvice = {
  sequential: () => undefined,
  forget: () => undefined,
  lock: () => true,
  works: false,
}
