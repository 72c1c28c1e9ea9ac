import { JsonFields, parseJson } from "../bytes/index.js"
import type { ByteRange } from "../contents.js"
import { StorageError } from "../errors.js"
import { decompressFramed } from "./compression.js"
import type { ContentReader } from "./content-reader.js"
import { type ObjectId, parseObjectId } from "./object-id.js"

/** What the engine's splitters make at most is 8 MiB; older ones made 20. */
const MOST_FRAMED = 64 * 1024 * 1024
/** Levels and entries of one index, followed by one reader. */
const MOST_DEPTH = 8

export interface Section {
  readonly start: number
  readonly length: number
  readonly objectId: string
}

/** Reads objects (kopia-repository-format §12): one content, or many in a row that an index lists. */
export class ObjectReader {
  readonly #contents: Pick<ContentReader, "read">

  constructor(contents: Pick<ContentReader, "read">) {
    this.#contents = contents
  }

  /** The bytes of an object, piece by piece; of a range only the contents that it touches are read. */
  async *read(
    objectId: string,
    range: ByteRange = { offset: 0, length: Infinity },
  ): AsyncGenerator<Uint8Array> {
    yield* this.#read(objectId, range, 0)
  }

  /** All of it; `corrupt` when it has more than `most` bytes. */
  async readWhole(objectId: string, most: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of this.read(objectId)) {
      length += piece.length
      if (length > most) throw new StorageError("corrupt", `object ${objectId} has more than ${most} bytes`)
      pieces.push(piece)
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  /** What an index of a long object lists, one level of it: checked to follow each other without a gap. */
  sections(objectId: string): AsyncGenerator<Section> {
    return this.#sections(objectId, 0)
  }

  /**
   * The contents that an object consists of: of an index first what holds it, then what it lists. An index that is listed many times
   * is followed once, so that no object has more parts than its indexes have entries. Throws as `read` does where one cannot be read.
   */
  async *parts(objectId: string): AsyncGenerator<string> {
    yield* this.#parts(objectId, 0, new Set())
  }

  async *#parts(objectId: string, depth: number, followed: Set<string>): AsyncGenerator<string> {
    const id = parseObjectId(objectId, "object")
    if (id.levels === 0) {
      yield id.contentId
      return
    }
    if (followed.has(objectId)) return
    followed.add(objectId)
    if (depth >= MOST_DEPTH) throw endless(objectId)
    yield* this.#parts(objectId.slice(1), depth + 1, followed)
    for await (const section of this.#sections(objectId, depth))
      yield* this.#parts(section.objectId, depth + 1, followed)
  }

  async *#read(objectId: string, range: ByteRange, depth: number): AsyncGenerator<Uint8Array> {
    const id = parseObjectId(objectId, "object")
    if (id.levels === 0) {
      const piece = cut(await this.#content(id), range)
      if (piece.length > 0) yield piece
      return
    }
    if (depth >= MOST_DEPTH) throw endless(objectId)
    for await (const section of this.#sections(objectId, depth)) {
      const from = Math.max(range.offset - section.start, 0)
      const to = Math.min(range.offset + range.length - section.start, section.length)
      if (from >= section.length) continue
      if (to <= 0) return
      yield* this.#section(section, { offset: from, length: to - from }, depth + 1)
    }
  }

  /** A part of a section, which has to be as long as its index says: else everything behind it would shift. */
  async *#section(
    { objectId, length }: Section,
    range: ByteRange,
    depth: number,
  ): AsyncGenerator<Uint8Array> {
    let read = 0
    const whole = range.offset === 0 && range.length === length
    // One byte more than there should be shows that there are too many.
    const asked = whole ? { offset: 0, length: length + 1 } : range
    for await (const piece of this.#read(objectId, asked, depth)) {
      read += piece.length
      if (read > range.length) break
      yield piece
    }
    if (read === range.length) return
    throw new StorageError("corrupt", `object ${objectId} has not the ${length} bytes that its index says`, {
      facts: { object: objectId },
    })
  }

  /** The sections of an indirect object, checked to follow each other without a gap. */
  async *#sections(objectId: string, depth: number): AsyncGenerator<Section> {
    const inner = objectId.slice(1)
    const what = `object ${objectId}`
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const piece of this.#read(inner, { offset: 0, length: Infinity }, depth + 1)) {
      length += piece.length
      if (length > MOST_INDEX) throw new StorageError("unsupported", `${what}: an index of more than 256 MiB`)
      chunks.push(piece)
    }
    const fields = new JsonFields(parseJson(Buffer.concat(chunks), what), what)
    if (fields.string("stream") !== "kopia:indirect")
      throw new StorageError("corrupt", `${what} is no index of an object`)
    let end = 0
    for (const value of fields.optionalArray("entries") ?? []) {
      const entry = new JsonFields(value, what)
      const start = entry.optionalNumber("s") ?? 0
      const sectionLength = entry.optionalNumber("l") ?? 0
      if (start !== end || !Number.isSafeInteger(sectionLength) || sectionLength < 0) {
        throw new StorageError("corrupt", `${what}: its sections do not follow each other`)
      }
      end += sectionLength
      yield { start, length: sectionLength, objectId: entry.string("o") }
    }
  }

  async #content({ contentId, compressed }: ObjectId): Promise<Uint8Array> {
    const bytes = await this.#contents.read(contentId)
    return compressed ? decompressFramed(bytes, MOST_FRAMED, `content ${contentId}`) : bytes
  }
}

function endless(objectId: string): StorageError {
  return new StorageError("corrupt", `object ${objectId}: indexes upon indexes without end`)
}

const MOST_INDEX = 256 * 1024 * 1024

function cut(bytes: Uint8Array, { offset, length }: ByteRange): Uint8Array {
  return bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length))
}
