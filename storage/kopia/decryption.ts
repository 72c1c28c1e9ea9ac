import { StorageError } from "../errors.js"
import { decompress } from "./compression.js"
import { blobIv, contentIv, createContentCipher, type ContentCipher } from "./content-cipher.js"
import { createContentHash } from "./content-hash.js"
import { eccDecode } from "./ecc.js"
import type { IndexEntry } from "./index-entry.js"
import type { RepositoryFormat } from "./repository-format.js"

export interface Opened {
  readonly bytes: Uint8Array
  /** Error correction had to repair the stored bytes. */
  readonly repaired: boolean
}

/** Turns stored bytes into what was stored, for one repository: error correction, cipher, compression, length and hash. */
export class Decryption {
  readonly #format: RepositoryFormat
  readonly #cipher: ContentCipher
  readonly #hash: (plain: Uint8Array) => Uint8Array

  private constructor(
    format: RepositoryFormat,
    cipher: ContentCipher,
    hash: (plain: Uint8Array) => Uint8Array,
  ) {
    this.#format = format
    this.#cipher = cipher
    this.#hash = hash
  }

  /** Throws `unsupported` for an encryption or a hash that is not known. */
  static async of(format: RepositoryFormat): Promise<Decryption> {
    const cipher = createContentCipher(format.encryption, format.masterKey)
    return new Decryption(format, cipher, await createContentHash(format.hash, format.secret))
  }

  /** A whole metadata blob: index, compaction log or session marker. `file` names it in errors. */
  openBlob(id: string, stored: Uint8Array, file: string): Opened {
    const { bytes, repaired } = this.#correct(stored, file)
    return { bytes: this.#cipher(blobIv(id, file), bytes, file), repaired }
  }

  /** What lies under a vector that is told beside it: the index at a pack's end. */
  openUnder(iv: Uint8Array, stored: Uint8Array, what: string): Uint8Array {
    return this.#cipher(iv, this.#correct(stored, what).bytes, what)
  }

  /** One content out of a pack (kopia-repository-format §6.5); `stored` is exactly its range. */
  openContent(entry: IndexEntry, stored: Uint8Array, file: string): Opened {
    const what = `${file}: content ${entry.contentId}`
    try {
      if (entry.encryptionKeyId !== 0) {
        throw new StorageError("unsupported", `${what} is under encryption key ${entry.encryptionKeyId}`)
      }
      const { bytes, repaired } = this.#correct(stored, what)
      const framed = this.#cipher(contentIv(entry.contentId, what), bytes, what)
      const plain =
        entry.compression === 0 ? framed : decompress(entry.compression, framed, entry.originalLength, what)
      if (plain.length !== entry.originalLength) {
        throw new StorageError(
          "corrupt",
          `${what} has ${plain.length} bytes, its index says ${entry.originalLength}`,
        )
      }
      if (Buffer.from(this.#hash(plain)).toString("hex") !== hashOf(entry.contentId)) {
        throw new StorageError("corrupt", `${what} does not have the hash that is its name`)
      }
      return { bytes: plain, repaired }
    } catch (error) {
      throw error instanceof StorageError ? blame(error, file, entry) : error
    }
  }

  #correct(stored: Uint8Array, what: string): Opened {
    return this.#format.ecc === undefined
      ? { bytes: stored, repaired: false }
      : eccDecode(stored, this.#format.ecc, what)
  }
}

/** The parts below know the bytes only; the administrator needs the pack's path. */
function blame(error: StorageError, file: string, entry: IndexEntry): StorageError {
  return new StorageError(error.code, error.message, {
    facts: { ...error.facts, file, content: entry.contentId, pack: entry.pack, offset: entry.offset },
    hint: error.hint ?? "Restore the pack from a copy of the repository.",
    cause: error,
  })
}

function hashOf(contentId: string): string {
  return contentId.length % 2 === 1 ? contentId.slice(1) : contentId
}
