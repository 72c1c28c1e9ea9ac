import type { ByteRange, Snapshot, SnapshotContents, SnapshotEntry } from "../../../storage/index.js"
import { type LostContents, StorageError } from "../../../storage/index.js"
import type { Breath } from "./breath.js"

export interface RenewingParts {
  readonly current: () => SnapshotContents
  /** Reads the indexes anew, unless others than `stale` are there already. Throws StorageError. */
  readonly renew: (stale: SnapshotContents) => Promise<void>
  readonly breath: Breath
  readonly signal: AbortSignal
}

/**
 * The contents of a repository for one request. A prune that ran since the indexes were read makes contents `missing`: then they are
 * read anew, once, and it goes on where it was; what is missing after that is told. Between pieces the thread hears its messages.
 */
export class RenewingContents implements SnapshotContents {
  readonly #parts: RenewingParts
  #isRenewed = false

  constructor(parts: RenewingParts) {
    this.#parts = parts
  }

  root(snapshot: Snapshot): SnapshotEntry {
    return this.#parts.current().root(snapshot)
  }

  describedRoot(snapshot: Snapshot): Promise<SnapshotEntry> {
    return this.#use((contents) => contents.describedRoot(snapshot))
  }

  list(directory: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
    return this.#use((contents) => contents.list(directory))
  }

  target(symlink: SnapshotEntry): Promise<Uint8Array> {
    return this.#use((contents) => contents.target(symlink))
  }

  isZeros(file: SnapshotEntry): Promise<boolean> {
    return this.#use((contents) => contents.isZeros(file))
  }

  contentsIn(file: string, options?: { readonly signal?: AbortSignal }): Promise<LostContents> {
    return this.#use((contents) => contents.contentsIn(file, options))
  }

  async *read(file: SnapshotEntry, range?: ByteRange): AsyncGenerator<Uint8Array> {
    let given = 0
    for (;;) {
      await this.#pause()
      const contents = this.#parts.current()
      try {
        for await (const piece of contents.read(file, rest(range, given))) {
          given += piece.length
          yield piece
          await this.#pause()
        }
        return
      } catch (error) {
        await this.#renewAfter(error, contents)
      }
    }
  }

  async *parts(entry: SnapshotEntry): AsyncGenerator<string> {
    await this.#pause()
    yield* this.#parts.current().parts(entry)
  }

  async #use<T>(act: (contents: SnapshotContents) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#pause()
      const contents = this.#parts.current()
      try {
        return await act(contents)
      } catch (error) {
        await this.#renewAfter(error, contents)
      }
    }
  }

  async #pause(): Promise<void> {
    await this.#parts.breath.take()
    this.#parts.signal.throwIfAborted()
  }

  /** Throws the error where it is not to be tried once more. */
  async #renewAfter(error: unknown, stale: SnapshotContents): Promise<void> {
    if (!(error instanceof StorageError) || error.code !== "missing") throw error
    if (this.#isRenewed) throw stillMissing(error)
    this.#isRenewed = true
    try {
      await this.#parts.renew(stale)
    } catch (cause) {
      if (cause instanceof StorageError) throw error
      throw cause
    }
  }
}

function rest(range: ByteRange | undefined, given: number): ByteRange | undefined {
  if (range === undefined && given === 0) return undefined
  const { offset, length } = range ?? { offset: 0, length: Number.MAX_SAFE_INTEGER }
  return {
    offset: offset + given,
    length: Math.min(length - given, Number.MAX_SAFE_INTEGER - offset - given),
  }
}

function stillMissing(error: StorageError): StorageError {
  return new StorageError("missing", error.message, {
    facts: error.facts,
    hint: "The repository's indexes were read anew, and it is missing all the same: `cistern verify` tells what else is.",
    cause: error,
  })
}
