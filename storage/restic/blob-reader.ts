import { createHash } from "node:crypto"
import type { FileTree } from "../blobs/index.js"
import { zstdDecompress } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import type { BlobIndex, BlobLocation, BlobType } from "./blob-index.js"
import { packPath } from "./pack-path.js"
import { openSealed, SEAL_LENGTH, type SealKey } from "./sealed.js"

/** Chunks have at most 8 MiB; a tree has what its directory needs. */
const LONGEST_BLOB = 512 * 1024 * 1024

/** Reads blobs out of packs (restic-repository-format §6), each checked against the hash that is its name. */
export class BlobReader {
  readonly #files: FileTree
  readonly #key: SealKey
  readonly #index: BlobIndex

  constructor(files: FileTree, key: SealKey, index: BlobIndex) {
    this.#files = files
    this.#key = key
    this.#index = index
  }

  /** Bytes of a blob, as its index says; undefined when no index names it. */
  lengthOf(type: BlobType, id: string): number | undefined {
    const [place] = this.#index.find(type, id)
    return place && (place.plainLength ?? place.length - SEAL_LENGTH)
  }

  /** From whichever pack has it whole. Throws `missing` when no index names it, else what was wrong with its first place. */
  async read(type: BlobType, id: string): Promise<Uint8Array> {
    const places = this.#index.find(type, id)
    let failure: StorageError | undefined
    for (const place of places) {
      try {
        return await this.#readAt(place, type, id)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        failure ??= error
      }
    }
    throw (
      failure ??
      new StorageError("missing", `${type} blob ${id} is in no index`, {
        facts: { blob: id },
        hint: "An index file was lost, or a prune ran meanwhile: have everything read anew.",
      })
    )
  }

  async #readAt(place: BlobLocation, type: BlobType, id: string): Promise<Uint8Array> {
    const file = packPath(place.pack)
    const damaged = (what: string): StorageError =>
      new StorageError("corrupt", `${file}: ${type} blob ${id} ${what}`, {
        facts: { file, blob: id, pack: place.pack, offset: place.offset },
        hint: "Restore the pack from a copy of the repository.",
      })
    const { length, plainLength } = place
    if (length < SEAL_LENGTH || Math.max(length, plainLength ?? 0) > LONGEST_BLOB)
      throw damaged(`cannot have ${length} bytes`)
    const sealed = await this.#files.readRange(file, place.offset, length)
    const opened = openSealed(this.#key, sealed)
    if (opened === undefined) throw damaged("does not decrypt")
    const plain =
      plainLength === undefined ? opened : zstdDecompress(opened, plainLength, `${file}: blob ${id}`)
    if (plainLength !== undefined && plain.length !== plainLength)
      throw damaged(`has ${plain.length} bytes, its index says ${plainLength}`)
    if (createHash("sha256").update(plain).digest("hex") !== id)
      throw damaged("does not have the hash that is its name")
    return plain
  }
}
