import type { Instant } from "../instant.js"

/** What is remembered of one file. */
export interface BlobRecord {
  /** Hex, as it was when it was first read (or is named). */
  readonly sha256: string
  readonly length: number
  /** Time of the bytes that have this hash. */
  readonly modified: Instant
  /** Milliseconds since 1970, like all times here. */
  readonly firstSeen: number
  /** When its bytes were last read and were right. */
  readonly lastChecked: number
}

/**
 * What scrubs of one repository remember: the hashes of files that no name tells, and when each was read. Kept by a database, a
 * file, or memory.
 */
export interface ScrubLedger {
  /** By path in the repository. */
  known(path: string): BlobRecord | undefined
  /** Remembers a batch. Durable when it returns. */
  checked(batch: ReadonlyMap<string, BlobRecord>): void
  /** All paths that are known, gone ones too. */
  paths(): Iterable<string>
  /** All that lies there now, listed without a gap: what is gone for long may be forgotten. Gives how many known ones are gone. */
  listed?(paths: ReadonlySet<string>): number
  /** When the pass began that has not come to its end: it goes on. */
  readonly openPass: number | undefined
  beginPass(at: number): void
  endPass(): void
}

/** Forgets with the process. */
export class VolatileLedger implements ScrubLedger {
  readonly #records = new Map<string, BlobRecord>()
  openPass: number | undefined

  known(path: string): BlobRecord | undefined {
    return this.#records.get(path)
  }

  checked(batch: ReadonlyMap<string, BlobRecord>): void {
    for (const [path, record] of batch) this.#records.set(path, record)
  }

  paths(): Iterable<string> {
    return this.#records.keys()
  }

  beginPass(at: number): void {
    this.openPass = at
  }

  endPass(): void {
    this.openPass = undefined
  }
}
