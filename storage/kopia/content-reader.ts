import { StorageError } from "../errors.js"
import type { ContentIndex } from "./content-index.js"
import type { OpenedFormat } from "./format-keeper.js"
import type { KopiaBlobs } from "./kopia-blobs.js"
import { refuseTooLong } from "./too-long.js"

/** Reads contents out of packs, each checked against its own hash. */
export class ContentReader {
  readonly #blobs: KopiaBlobs
  readonly #opened: OpenedFormat
  readonly #index: ContentIndex

  constructor(blobs: KopiaBlobs, opened: OpenedFormat, index: ContentIndex) {
    this.#blobs = blobs
    this.#opened = opened
    this.#index = index
  }

  /** Bytes of a content; undefined when no index names it. */
  lengthOf(contentId: string): number | undefined {
    return this.#index.find(contentId)?.originalLength
  }

  /** Throws `missing` when no index names it or its pack is gone, `corrupt`, `unsupported`, `io`. */
  async read(contentId: string): Promise<Uint8Array> {
    const entry = this.#index.find(contentId)
    if (entry === undefined) {
      throw new StorageError("missing", `content ${contentId} is in no index`, {
        facts: { content: contentId },
        hint: "An index blob was lost, or a maintenance ran meanwhile: have everything read anew.",
      })
    }
    const file = this.#blobs.fileOf(entry.pack)
    refuseTooLong(entry, file)
    const stored = await this.#blobs.readRange(entry.pack, entry.offset, entry.packedLength)
    return this.#opened.decryption.openContent(entry, stored, file).bytes
  }
}
