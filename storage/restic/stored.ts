import type { FileTree } from "../blobs/index.js"
import type { SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { PackFile, StoredContents, StoredItem, StoredPlace } from "../stored-contents.js"
import type { BlobIndex } from "./blob-index.js"
import type { ResticOpenerSpec } from "./content-opener.js"
import { isHash } from "./hash-named.js"
import { headerEntryLength, LENGTH_FIELD } from "./pack-end.js"
import { SEAL_LENGTH, type SealKey } from "./sealed.js"

/** Where the blobs of a restic repository are stored. A content is called `data/<hex>` or `tree/<hex>`. */
export class ResticStored implements StoredContents {
  readonly #files: FileTree
  readonly #index: BlobIndex
  readonly opener: ResticOpenerSpec
  #lengths: Float64Array | undefined

  constructor(files: FileTree, index: BlobIndex, key: SealKey) {
    this.#files = files
    this.#index = index
    this.opener = { engine: "restic", key }
  }

  get contentCount(): number {
    return this.#index.size
  }

  get placeCount(): number {
    return this.#index.placeCount
  }

  get packCount(): number {
    return this.#index.packs.size
  }

  rowOf(content: string): number | undefined {
    const [, type, id] = /^(data|tree)\/([0-9a-f]{64})$/.exec(content) ?? []
    return id === undefined ? undefined : this.#index.rowOf(type === "tree" ? "tree" : "data", id)
  }

  contentAt(row: number): string {
    const key = this.#index.keyAt(row)
    const hash = Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString("hex")
    return `${key[0] === 1 ? "tree" : "data"}/${hash}`
  }

  keyAt(row: number): Uint8Array {
    return this.#index.keyAt(row)
  }

  placesAt(row: number): readonly number[] {
    return this.#index.placesAt(row)
  }

  placeAt(place: number): StoredPlace {
    return this.#index.placeAt(place)
  }

  itemAt(row: number, place: number): StoredItem {
    const { offset, length } = this.#index.placeAt(place)
    const plainLength = this.#index.plainLengthAt(place)
    return { content: this.contentAt(row), offset, length, plainLength, compression: 0, keyId: 0 }
  }

  packId(pack: number): string {
    return this.#index.packs.nameOf(pack)
  }

  packFile(pack: number): string {
    return packPath(this.packId(pack))
  }

  /** Its blobs, sealed, and its header, of which each blob has its part. */
  expectedLength(pack: number): number {
    this.#lengths ??= this.#sumLengths()
    return this.#lengths[pack] ?? 0
  }

  async *packFiles(signal?: AbortSignal): AsyncGenerator<PackFile> {
    for (const folder of await this.#listed("data")) {
      signal?.throwIfAborted()
      if (folder.kind !== "directory" || !/^[0-9a-f]{2}$/.test(folder.name)) continue
      for (const { name, kind, length, modified } of await this.#listed(`data/${folder.name}`)) {
        if (kind !== "file" || !isHash(name) || !name.startsWith(folder.name)) continue
        yield { id: name, file: packPath(name), pack: this.#index.packs.known(name), length, modified }
      }
    }
  }

  headOf({ kind, content: [id] }: SnapshotEntry): string | undefined {
    return id === undefined ? undefined : `${kind === "directory" ? "tree" : "data"}/${id}`
  }

  /** A size that differs from the blobs is restic's own record of a file that changed while it was read, and no damage. */
  async needs({ kind, content }: SnapshotEntry, need: (content: string) => void): Promise<void> {
    const type = kind === "directory" ? "tree" : "data"
    for (const id of content) need(`${type}/${id}`)
  }

  #sumLengths(): Float64Array {
    const lengths = new Float64Array(this.packCount).fill(SEAL_LENGTH + LENGTH_FIELD)
    for (let place = 0; place < this.placeCount; place++) {
      const { pack, length } = this.#index.placeAt(place)
      const compressed = this.#index.plainLengthAt(place) !== undefined
      lengths[pack] = (lengths[pack] ?? 0) + length + headerEntryLength(compressed)
    }
    return lengths
  }

  async #listed(folder: string) {
    try {
      return (await this.#files.list(folder)).entries
    } catch (error) {
      // Taken away with its last pack.
      if (error instanceof StorageError && error.code === "missing") return []
      throw error
    }
  }
}

function packPath(id: string): string {
  return `data/${id.slice(0, 2)}/${id}`
}
