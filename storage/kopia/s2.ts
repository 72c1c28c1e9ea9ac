import { ByteReader, LzOutput } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { crc32c } from "./crc32c.js"
import { decodeS2Block } from "./s2-block.js"

// An S2 stream is a Snappy framed stream with longer blocks. Each chunk: kind, 24-bit little-endian length, body.
//
//   ff      stream identifier, first of all and perhaps again: sNaPpY or S2sTwO
//   00      masked CRC-32C of the plain bytes (little-endian), S2 block
//   01      masked CRC-32C, the plain bytes
//   02..7f  what a reader must not pass over
//   80..fe  what it may: the index (99), padding (fe)
const COMPRESSED = 0x00
const PLAIN = 0x01
const FIRST_SKIPPABLE = 0x80
const STREAM_IDENTIFIER = 0xff

/** No S2 writer makes longer blocks. */
const LONGEST_BLOCK = 4 * 1024 * 1024

const identifiers: ReadonlySet<string> = new Set(["sNaPpY", "S2sTwO"])

interface Chunk {
  readonly compressed: boolean
  readonly maskedCrc: number
  readonly body: Uint8Array
  readonly plainLength: number
}

/**
 * Decompresses an S2 or Snappy framed stream; the CRC of each chunk is checked. Throws StorageError `corrupt`, also when
 * the stream would give more than `limit` bytes: then nothing was allocated. `what` names the stream in errors.
 */
export function decompressS2(stream: Uint8Array, limit: number, what: string): Uint8Array {
  const chunks = readChunks(stream, what)
  const length = chunks.reduce((sum, chunk) => sum + chunk.plainLength, 0)
  if (length > limit) {
    throw new StorageError("corrupt", `${what}: S2 chunks of ${length} bytes, at most ${limit} are expected`)
  }
  const output = new LzOutput(length, what)
  for (const chunk of chunks) decodeChunk(chunk, output, what)
  return output.bytes()
}

function readChunks(stream: Uint8Array, what: string): Chunk[] {
  const reader = new ByteReader(stream, what)
  const chunks: Chunk[] = []
  let identified = false
  while (reader.remaining > 0) {
    const kind = reader.u8("S2 chunk kind")
    const body = reader.bytes(reader.u24le("S2 chunk length"), "S2 chunk")
    if (kind === STREAM_IDENTIFIER) {
      if (!identifiers.has(Buffer.from(body).toString("latin1"))) throw notS2(what)
      identified = true
    } else if (!identified) {
      throw notS2(what)
    } else if (kind === COMPRESSED || kind === PLAIN) {
      chunks.push(parseChunk(kind === COMPRESSED, body, what))
    } else if (kind < FIRST_SKIPPABLE) {
      throw new StorageError("corrupt", `${what}: unknown S2 chunk ${kind}`)
    }
  }
  if (!identified) throw notS2(what)
  return chunks
}

function parseChunk(compressed: boolean, bytes: Uint8Array, what: string): Chunk {
  const reader = new ByteReader(bytes, what)
  const maskedCrc = reader.u32le("S2 chunk CRC")
  const body = reader.rest()
  const plainLength = compressed ? new ByteReader(body, what).uvarint("S2 block length") : body.length
  if (plainLength > LONGEST_BLOCK) {
    throw new StorageError(
      "corrupt",
      `${what}: an S2 block of ${plainLength} bytes, at most ${LONGEST_BLOCK} are allowed`,
    )
  }
  return { compressed, maskedCrc, body, plainLength }
}

function decodeChunk(chunk: Chunk, output: LzOutput, what: string): void {
  const start = output.length
  if (chunk.compressed) decodeS2Block(chunk.body, output, what)
  else output.append(chunk.body)
  if (maskCrc(crc32c(output.bytes(start))) !== chunk.maskedCrc) {
    throw new StorageError("corrupt", `${what}: the CRC of an S2 chunk disagrees with its bytes`)
  }
}

/** Snappy stores no bare CRC, so that a CRC over stored CRCs stays a good one. */
function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0
}

function notS2(what: string): StorageError {
  return new StorageError("corrupt", `${what}: not an S2 stream`)
}
