import type { FileContents } from "../contents.js"
import type { FileCalls } from "../host/index.js"
import type { Progress } from "./outcome.js"
import type { Spot } from "./spot.js"

/** A file that was written whole, under its first name. */
export interface RestoredFile {
  readonly spot: Spot
  readonly bytes: number
  /** Of what was read of the snapshot. */
  readonly sha256: Buffer
  /** At most 16 bytes of its beginning. */
  readonly head: Buffer
}

export interface RestoreLimits {
  /** Directories in directories. */
  readonly depth: number
  /** Of everything. */
  readonly entries: number
  /** Of the files' content. */
  readonly bytes: number
}

export interface RestoreOptions {
  /** What a file is called that is a snapshot by itself, and has no name in it. */
  readonly name?: Uint8Array
  /** Makes device files: whoever may open one has the device. */
  readonly devices?: boolean
  /** Leaves what could be read of a damaged file. */
  readonly keepDamaged?: boolean
  /** Writes runs of zeros instead of leaving holes. */
  readonly full?: boolean
  /** Does not wait until everything is on the disk: what the disk cannot write then shows to nobody. */
  readonly unsynced?: boolean
  readonly signal?: AbortSignal
  /** Called often. */
  readonly onProgress?: (progress: Progress) => void
  /** Called for each file with what was read of it, which costs its hash. */
  readonly onFile?: (file: RestoredFile) => void
  /** Bytes that are read in a second, at most. */
  readonly bytesPerSecond?: number
  /** Opens the contents anew, called once when a prune took away what is read. */
  readonly reopen?: () => Promise<FileContents>
  /** Absolute paths of directories that nothing is restored into. */
  readonly notWithin?: readonly string[]
  readonly limits?: Partial<RestoreLimits>
  /** Undefined: those of the C library, or none where that cannot be called. */
  readonly calls?: FileCalls | "none"
}
