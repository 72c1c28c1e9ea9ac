import type { SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { PackFile, StoredContents, StoredItem, StoredPlace } from "../stored-contents.js"
import type { ContentIndex } from "./content-index.js"
import type { KopiaOpenerSpec } from "./content-opener.js"
import type { KopiaBlobs } from "./kopia-blobs.js"
import { parseObjectId } from "./object-id.js"
import type { ObjectReader } from "./object-reader.js"
import type { RepositoryFormat } from "./repository-format.js"

export interface StoredSources {
  readonly blobs: KopiaBlobs
  readonly index: ContentIndex
  readonly format: RepositoryFormat
}

/** Levels of indexes upon indexes that are followed, as the reader does. */
const MOST_DEPTH = 8

type Need = (content: string) => void

/** Where the contents of a Kopia repository are stored. A content has one place, which has the content's number. */
export class KopiaStored implements StoredContents {
  readonly #blobs: KopiaBlobs
  readonly #index: ContentIndex
  readonly #objects: ObjectReader
  readonly opener: KopiaOpenerSpec
  /** Lengths of the long objects that were measured: their parts are told of already. */
  readonly #measured = new Map<string, number | undefined>()

  constructor({ blobs, index, format }: StoredSources, objects: ObjectReader) {
    this.#blobs = blobs
    this.#index = index
    this.#objects = objects
    this.opener = { engine: "kopia", format }
  }

  get contentCount(): number {
    return this.#index.size
  }

  get placeCount(): number {
    return this.#index.size
  }

  get packCount(): number {
    return this.#index.packs.size
  }

  rowOf(content: string): number | undefined {
    return this.#index.rowOf(content)
  }

  contentAt(row: number): string {
    return this.#index.entryAt(row).contentId
  }

  keyAt(row: number): Uint8Array {
    return this.#index.keyAt(row)
  }

  placesAt(row: number): readonly number[] {
    return [row]
  }

  placeAt(place: number): StoredPlace {
    return this.#index.placeAt(place)
  }

  itemAt(row: number): StoredItem {
    const entry = this.#index.entryAt(row)
    return {
      content: entry.contentId,
      offset: entry.offset,
      length: entry.packedLength,
      plainLength: entry.originalLength,
      compression: entry.compression,
      keyId: entry.encryptionKeyId,
    }
  }

  packId(pack: number): string {
    return this.#index.packs.nameOf(pack)
  }

  packFile(pack: number): string {
    return this.#blobs.fileOf(this.packId(pack))
  }

  /** The engine leaves room between contents and the index at the end: no index entry tells how long a pack is. */
  expectedLength(): undefined {
    return undefined
  }

  async *packFiles(signal?: AbortSignal): AsyncGenerator<PackFile> {
    for await (const { id, length, modified } of this.#blobs.packs(signal)) {
      yield { id, file: this.#blobs.fileOf(id), pack: this.#index.packs.known(id), length, modified }
    }
  }

  headOf({ content: [object] }: SnapshotEntry): string | undefined {
    return object === undefined ? undefined : parseObjectId(object, "an entry").contentId
  }

  async needs(entry: SnapshotEntry, need: Need): Promise<void> {
    const [object] = entry.content
    if (object === undefined) {
      if (entry.kind === "unknown") return
      throw new StorageError("corrupt", `a ${entry.kind} without an object`)
    }
    const length = await this.#measure(object, 0, need)
    if (entry.kind !== "file" || length === undefined || length === entry.size) return
    throw new StorageError("corrupt", `object ${object} has ${length} bytes, its file ${entry.size}`, {
      facts: { object },
    })
  }

  /** Bytes of an object; undefined when that cannot be told without reading it: compressed as a whole, or with parts in no index. */
  async #measure(object: string, depth: number, need: Need): Promise<number | undefined> {
    const { levels, compressed, contentId } = parseObjectId(object, "object")
    if (levels === 0) {
      need(contentId)
      return compressed ? undefined : this.#index.find(contentId)?.originalLength
    }
    if (this.#measured.has(object)) return this.#measured.get(object)
    if (depth >= MOST_DEPTH)
      throw new StorageError("corrupt", `object ${object}: indexes upon indexes without end`)
    await this.#measure(object.slice(1), depth + 1, need)
    let total: number | undefined = 0
    for await (const { objectId, length } of this.#objects.sections(object)) {
      const measured = await this.#measure(objectId, depth + 1, need)
      if (measured !== undefined && measured !== length) {
        throw new StorageError(
          "corrupt",
          `object ${objectId} has ${measured} bytes, its index says ${length}`,
          {
            facts: { object },
          },
        )
      }
      total += length
    }
    this.#measured.set(object, total)
    return total
  }
}
