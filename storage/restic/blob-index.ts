import { Column, IdTable, NumberedNames } from "../bytes/index.js"
import type { IndexedPack } from "./index-file.js"

export type BlobType = "data" | "tree"

/** Where one copy of a blob lies. */
export interface BlobLocation {
  readonly pack: string
  readonly offset: number
  /** Sealed bytes. */
  readonly length: number
  /** Bytes after decompression; undefined for a blob that is not compressed. */
  readonly plainLength: number | undefined
}

/** Bytes of `keyOf`. */
export const KEY_LENGTH = 33
const NONE = 0

/**
 * Where every blob of a repository lies: all index files together (restic-repository-format §7). A blob may lie in several packs, and
 * all places are kept: what is damaged in one may be whole in another. A million blobs take less than 100 MB.
 */
export class BlobIndex {
  readonly #ids = new IdTable(KEY_LENGTH)
  readonly #packs = new NumberedNames()
  /** By row of an id: its last place, counted from 1. */
  readonly #last = new Column()
  // By place:
  readonly #pack = new Column()
  readonly #offset = new Column()
  readonly #length = new Column()
  readonly #plainLength = new Column()
  readonly #before = new Column()
  #places = 0

  add(packs: readonly IndexedPack[]): void {
    for (const { id: pack, blobs } of packs) {
      const packNumber = this.#packs.numberOf(pack)
      for (const { id, type, offset, length, plainLength } of blobs) {
        const row = this.#ids.add(keyOf(type, id))
        // One pack may be told of by several index files.
        if (this.#isKnown(row, packNumber, offset)) continue
        const place = this.#places++
        this.#pack.set(place, packNumber)
        this.#offset.set(place, offset)
        this.#length.set(place, length)
        this.#plainLength.set(place, plainLength ?? NONE)
        this.#before.set(place, this.#last.get(row))
        this.#last.set(row, place + 1)
      }
    }
  }

  /** All places of a blob; none for one that no index names. */
  find(type: BlobType, id: string): BlobLocation[] {
    const row = this.rowOf(type, id)
    if (row === undefined) return []
    return this.placesAt(row).map((place) => ({
      pack: this.#packs.nameOf(this.#pack.get(place)),
      offset: this.#offset.get(place),
      length: this.#length.get(place),
      plainLength: this.plainLengthAt(place),
    }))
  }

  /** How many blobs; they have the rows from 0 on. */
  get size(): number {
    return this.#ids.size
  }

  get placeCount(): number {
    return this.#places
  }

  /** The packs that the indexes name. */
  get packs(): NumberedNames {
    return this.#packs
  }

  rowOf(type: BlobType, id: string): number | undefined {
    return this.#ids.rowOf(keyOf(type, id))
  }

  /** The type (1: tree, 0: data) and the hash: a view that holds until the next `add`. */
  keyAt(row: number): Uint8Array {
    return this.#ids.idAt(row)
  }

  placeAt(place: number): { readonly pack: number; readonly offset: number; readonly length: number } {
    return {
      pack: this.#pack.get(place),
      offset: this.#offset.get(place),
      length: this.#length.get(place),
    }
  }

  plainLengthAt(place: number): number | undefined {
    const plainLength = this.#plainLength.get(place)
    return plainLength === NONE ? undefined : plainLength
  }

  /** What lies in one pack. */
  *inPack(pack: string): Generator<{ readonly type: BlobType; readonly id: string }> {
    const number = this.#packs.known(pack)
    if (number === undefined) return
    for (let row = 0; row < this.#ids.size; row++) {
      if (this.placesAt(row).some((place) => this.#pack.get(place) === number))
        yield blobOf(this.#ids.idAt(row))
    }
  }

  #isKnown(row: number, pack: number, offset: number): boolean {
    return this.placesAt(row).some(
      (place) => this.#pack.get(place) === pack && this.#offset.get(place) === offset,
    )
  }

  placesAt(row: number): number[] {
    const places: number[] = []
    for (let next = this.#last.get(row); next !== NONE; next = this.#before.get(next - 1))
      places.push(next - 1)
    return places
  }
}

/** The same hash can be there as data and as a tree. */
export function keyOf(type: BlobType, id: string): Uint8Array {
  return Buffer.concat([Buffer.from([type === "tree" ? 1 : 0]), Buffer.from(id, "hex")])
}

function blobOf(key: Uint8Array): { readonly type: BlobType; readonly id: string } {
  return { type: key[0] === 1 ? "tree" : "data", id: Buffer.from(key.subarray(1)).toString("hex") }
}
