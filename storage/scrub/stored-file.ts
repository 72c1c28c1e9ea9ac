import type { Instant } from "../instant.js"

/** A regular file as it lies in a repository. */
export interface FoundFile {
  /** Relative to the repository's root, "/"-separated. */
  readonly path: string
  /** Bytes. */
  readonly length: number
  readonly modified: Instant
  /** Files that were written after each other have rising numbers, and mostly lie so on the disk. */
  readonly inode: bigint
}

/** A file that a scrub reads. */
export interface StoredFile extends FoundFile {
  /** The SHA-256 that it must have (hex), by its name or a manifest. Undefined: only a ledger can know it. */
  readonly sha256: string | undefined
  /** The engine itself writes new bytes under the same name: with a new time it is a new file. */
  readonly rewritten: boolean
  /** It does so as a matter of course. */
  readonly oftenRewritten: boolean
  /** It is encrypted as a whole: never empty, never with a page of zeros, as a crash may leave it. */
  readonly sealed: boolean
}

export type ScrubEngine = "kopia" | "restic" | "copy"

/** What is wrong with a file:
 * `corrupt` other bytes than it must have, `io` the disk cannot read it, `missing` it must be there and is not,
 * `misplaced` it lies where its engine does not look. */
export type DamageCode = "corrupt" | "io" | "missing" | "misplaced"

export interface Damage {
  readonly blob: string
  readonly code: DamageCode
}

/** What could not be read, for no fault of its own: `unreadable` (permission), `timeout`. */
export interface Unread {
  readonly blob: string
  readonly code: "unreadable" | "timeout"
}

/** Every file of a repository, by name alone. */
export interface Inventory {
  readonly engine: ScrubEngine
  readonly files: readonly StoredFile[]
  /** What names alone show. */
  readonly damage: readonly Damage[]
  readonly unread: readonly Unread[]
  /** What writers left that were stopped, or are writing now. */
  readonly temporary: readonly string[]
  /** What the engine did not write. Its folders are not looked into. */
  readonly foreign: readonly string[]
}
