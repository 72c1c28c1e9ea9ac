import { Column, IdTable, NumberedNames } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { walkIndex, type Wanted } from "./index-blob.js"
import { type IndexEntry, outranks } from "./index-entry.js"
import { contentIdOf, keyOfContent } from "./index-key.js"

/**
 * Where every content of a repository lies: all live index blobs, merged (kopia-repository-format §9.3). A million contents take
 * less than 100 MB. What is deleted is kept: it may be needed by a snapshot that was written meanwhile, and can still be read (§6.5).
 */
export class ContentIndex {
  readonly #expected: number
  readonly #packs = new NumberedNames()
  #ids: IdTable | undefined
  readonly #pack: Column
  readonly #offset: Column
  readonly #packedLength: Column
  readonly #originalLength: Column
  readonly #compression: Column
  readonly #timestamp: Column
  readonly #flags: Column

  /** `expected`: how many entries the index blobs have in all. */
  constructor(expected: number) {
    this.#expected = expected
    this.#pack = new Column(expected)
    this.#offset = new Column(expected)
    this.#packedLength = new Column(expected)
    this.#originalLength = new Column(expected)
    this.#compression = new Column(expected)
    this.#timestamp = new Column(expected)
    this.#flags = new Column(expected)
  }

  /** Bytes of a key: the same for all contents; 0 when there are none. */
  get keyLength(): number {
    return this.#ids?.width ?? 0
  }

  get size(): number {
    return this.#ids?.size ?? 0
  }

  /** Adds what the plaintext of one index blob says, of all contents or of those that are wanted. Throws as `walkIndex` does. */
  add(bytes: Uint8Array, file: string, wanted: Wanted = () => true): void {
    walkIndex(bytes, file, wanted, (entry, key) => {
      this.#ids ??= new IdTable(key.length, this.#expected)
      if (this.#ids.width !== key.length) {
        throw new StorageError("corrupt", `${file}: contents with hashes of another length than elsewhere`, {
          facts: { file },
        })
      }
      const before = this.#ids.size
      const row = this.#ids.add(key)
      // Also of an entry that does not count: the pack is known, and waits to be taken away.
      this.#packs.numberOf(entry.pack)
      if (row === before || outranks(entry, this.#entryAt(row, entry.contentId))) this.#set(row, entry, file)
    })
  }

  find(contentId: string): IndexEntry | undefined {
    const row = this.rowOf(contentId)
    return row === undefined ? undefined : this.#entryAt(row, contentId)
  }

  /** Rows count from 0 to `size`, and stay as they are while nothing is added. */
  rowOf(contentId: string): number | undefined {
    const key = keyOfContent(contentId)
    if (key === undefined || key.length !== this.#ids?.width) return undefined
    return this.#ids.rowOf(key)
  }

  /** The prefix byte and the hash: a view that holds until the next `add`. */
  keyAt(row: number): Uint8Array {
    return this.#ids?.idAt(row) ?? new Uint8Array()
  }

  entryAt(row: number): IndexEntry {
    return this.#entryAt(row, contentIdOf(this.keyAt(row), "index"))
  }

  /** Where a row lies, without the rest. */
  placeAt(row: number): { readonly pack: number; readonly offset: number; readonly length: number } {
    return {
      pack: this.#pack.get(row),
      offset: this.#offset.get(row),
      length: this.#packedLength.get(row),
    }
  }

  /** All packs that any entry names, also one that is outranked. */
  get packs(): NumberedNames {
    return this.#packs
  }

  /** Where a content lies; undefined when no index names it. */
  packOf(contentId: string): string | undefined {
    const key = keyOfContent(contentId)
    if (key === undefined || key.length !== this.#ids?.width) return undefined
    const row = this.#ids.rowOf(key)
    return row === undefined ? undefined : this.#packs.nameOf(this.#pack.get(row))
  }

  /** What lies in one pack. */
  *inPack(pack: string): Generator<IndexEntry> {
    const number = this.#packs.known(pack)
    if (number === undefined || this.#ids === undefined) return
    for (let row = 0; row < this.#ids.size; row++) {
      if (this.#pack.get(row) === number) yield this.#entryAt(row, contentIdOf(this.#ids.idAt(row), pack))
    }
  }

  #set(row: number, entry: IndexEntry, file: string): void {
    // Seconds in 32 bits last until 2106; what is beyond was not written by a clock.
    if (entry.timestamp > 0xffff_ffff) {
      throw new StorageError("corrupt", `${file}: content ${entry.contentId} has an impossible time`, {
        facts: { file },
      })
    }
    this.#pack.set(row, this.#packs.numberOf(entry.pack))
    this.#offset.set(row, entry.offset)
    this.#packedLength.set(row, entry.packedLength)
    this.#originalLength.set(row, entry.originalLength)
    this.#compression.set(row, entry.compression)
    this.#timestamp.set(row, entry.timestamp)
    this.#flags.set(row, entry.encryptionKeyId * 2 + (entry.deleted ? 1 : 0))
  }

  #entryAt(row: number, contentId: string): IndexEntry {
    const flags = this.#flags.get(row)
    return {
      contentId,
      timestamp: this.#timestamp.get(row),
      deleted: flags % 2 === 1,
      pack: this.#packs.nameOf(this.#pack.get(row)),
      offset: this.#offset.get(row),
      packedLength: this.#packedLength.get(row),
      originalLength: this.#originalLength.get(row),
      compression: this.#compression.get(row),
      encryptionKeyId: flags >> 1,
    }
  }
}
