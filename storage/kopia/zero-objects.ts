import { onlyZeros, ZeroDigests } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { decompressFramed } from "./compression.js"
import { createRunningHash } from "./content-hash.js"
import type { ContentReader } from "./content-reader.js"
import { parseObjectId } from "./object-id.js"
import type { ObjectReader } from "./object-reader.js"
import type { RepositoryFormat } from "./repository-format.js"

const MOST_DEPTH = 8

/**
 * Tells objects that are nothing but zeros. A content's id is the keyed hash of its bytes before they were compressed, so zeros
 * of its length have an id that can be computed, wherever a splitter cut them: no splitter has to be imitated, and a policy may
 * name another one for each file. Only what was compressed as an object (format 1) hides its bytes behind a compressor's own
 * output; zeros leave so little of that that it is read.
 */
export class ZeroObjects {
  readonly #objects: ObjectReader
  readonly #contents: ContentReader
  readonly #format: Pick<RepositoryFormat, "hash" | "secret">
  #digests: Promise<ZeroDigests> | undefined

  constructor(
    objects: ObjectReader,
    contents: ContentReader,
    format: Pick<RepositoryFormat, "hash" | "secret">,
  ) {
    this.#objects = objects
    this.#contents = contents
    this.#format = format
  }

  /** `length`: bytes of the object, as its file or its index says. An empty one is not zeros. */
  async isZeros(objectId: string, length: number): Promise<boolean> {
    return this.#isZeros(objectId, length, new Set(), 0)
  }

  /** `seen`: sections that are zeros, because all of a long file's are the same one. */
  async #isZeros(objectId: string, length: number, seen: Set<string>, depth: number): Promise<boolean> {
    const { levels, compressed, contentId } = parseObjectId(objectId, "object")
    if (length === 0) return false
    if (levels === 0)
      return compressed ? this.#framedZeros(contentId, length) : this.#zeros(contentId, length)
    if (depth >= MOST_DEPTH)
      throw new StorageError("corrupt", `object ${objectId}: indexes upon indexes without end`)
    let any = false
    for await (const section of this.#objects.sections(objectId)) {
      if (section.length === 0) continue
      const key = `${section.objectId} ${section.length}`
      if (!seen.has(key) && !(await this.#isZeros(section.objectId, section.length, seen, depth + 1)))
        return false
      seen.add(key)
      any = true
    }
    return any
  }

  async #zeros(contentId: string, length: number): Promise<boolean> {
    const known = this.#contents.lengthOf(contentId) ?? length
    if (known === 0) return false
    this.#digests ??= createRunningHash(this.#format.hash, this.#format.secret).then(
      (hash) => new ZeroDigests(hash),
    )
    return (await this.#digests).hex(known) === contentId
  }

  async #framedZeros(contentId: string, length: number): Promise<boolean> {
    const packed = this.#contents.lengthOf(contentId) ?? 0
    if (packed > mostPacked(length)) return false
    const plain = decompressFramed(await this.#contents.read(contentId), length, `content ${contentId}`)
    return plain.length > 0 && onlyZeros(plain)
  }
}

/** What zeros can take at most: of all the engine's compressors S2 makes the most of them, and still less than a fortieth. */
function mostPacked(length: number): number {
  return Math.ceil(length / 16) + 256
}
