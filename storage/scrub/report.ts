import type { Damage, ScrubEngine, Unread } from "./stored-file.js"

/** What a scrub found. Paths are relative to the repository's root. */
export interface ScrubReport {
  readonly engine: ScrubEngine
  /** Files that were read and compared with what they must be, damaged ones too. */
  readonly checked: number
  /** All that was read, second readings too. */
  readonly bytes: number
  readonly seconds: number
  readonly bad: readonly Damage[]
  /** What may not be read, or did not answer. */
  readonly unread: readonly Unread[]
  /** Files that were read, and nothing tells what they must be. */
  readonly unknown: readonly string[]
  /** How many the ledger remembers from now on: they were never read before, or the engine wrote them again. */
  readonly recorded: number
  /** Files that the engine hardly ever writes again and that changed since the ledger knew them: a new password, a new format, or a fault. */
  readonly changed: readonly string[]
  /** Files that were being written all the time. The next scrub reads them. */
  readonly unsettled: readonly string[]
  /** Right at the second reading and not at the first: memory, a cable or the disk is not well. */
  readonly unsteady: readonly string[]
  /** How many went while it ran, or since the ledger knew them: pruned, or lost. Verify tells the two apart. */
  readonly gone: number
  /** How many were found right lately enough. */
  readonly skipped: number
  readonly temporary: readonly string[]
  readonly foreign: readonly string[]
  /** Why it ended before everything was read. `disk`: one file after the other cannot be read. */
  readonly stopped: "aborted" | "disk" | undefined
}
