import * as zlib from "node:zlib"
import { asCorrupt, StorageError } from "../errors.js"
import { ByteReader } from "./byte-reader.js"
import { decodeZstdBlocks } from "./zstd-blocks.js"

// A Zstandard frame (RFC 8878 §3.1.1), little-endian:
//
//    0..3   magic fd2fb528
//    4      bits 6..7 size of the content size, 5 single segment, 3 reserved, 2 checksum, 0..1 size of the dictionary id
//    5      window descriptor: bits 3..7 exponent, 0..2 mantissa     absent in a single segment
//           dictionary id, 0, 1, 2 or 4 bytes
//           content size, 0, 1, 2, 4 or 8 bytes
//           blocks: 3 bytes (bit 0 last, 1..2 kind, 3..23 size), then their bytes
//           checksum, 4 bytes                                        optional
//
// Node's decoder never sees a header that we did not write. A window can be as long as the header likes, and it is
// allocated first, so each frame gets a new header whose window is no longer than what its blocks can give. Our own
// decoder needs no window. The checksum is not compared: every caller authenticates or hashes the bytes.
const FRAME_MAGIC = 0xfd2f_b528
const SKIPPABLE_MAGIC = 0x184d_2a50
const LONGEST_BLOCK = 128 * 1024

interface Frame {
  /** Undefined where the frame does not tell. */
  readonly contentSize: number | undefined
  /** No decoder can get more than this out of the blocks. */
  readonly longestOutput: number
  readonly blocks: Uint8Array
}

/**
 * Decompresses all Zstandard frames of `input`, one after another. Throws StorageError `corrupt` for bytes that are not
 * Zstandard and for more than `limit` bytes of output, `unsupported` for a dictionary. A hostile input makes us
 * allocate no more than a small multiple of what its blocks can give, and never output beyond `limit`.
 * `what` names the bytes in errors.
 */
export function zstdDecompress(input: Uint8Array, limit: number, what: string): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  let frames = 0
  const reader = new ByteReader(input, what)
  for (; reader.remaining > 0; frames++) {
    const frame = readFrame(reader, what)
    if (frame === undefined) continue
    const part = decodeFrame(frame, limit - length, what)
    parts.push(part)
    length += part.length
  }
  if (frames === 0) throw new StorageError("corrupt", `${what}: no zstd frame`, { facts: { file: what } })
  const only = parts.length === 1 ? parts[0] : undefined
  return only ?? Buffer.concat(parts, length)
}

/** Undefined for a frame that is meant to be passed over. */
function readFrame(reader: ByteReader, what: string): Frame | undefined {
  const magic = reader.u32le("zstd magic")
  if (magic - (magic % 16) === SKIPPABLE_MAGIC) {
    reader.bytes(reader.u32le("zstd skippable size"), "zstd skippable frame")
    return undefined
  }
  if (magic !== FRAME_MAGIC) throw corrupt(what, "not a zstd frame")

  const descriptor = reader.u8("zstd frame descriptor")
  if ((descriptor & 0b1000) !== 0) throw corrupt(what, "a zstd frame uses a reserved bit")
  const singleSegment = (descriptor & 0b10_0000) !== 0
  if (!singleSegment) reader.u8("zstd window")
  const dictionary = reader.bytes([0, 1, 2, 4][descriptor & 0b11] ?? 0, "zstd dictionary id")
  if (dictionary.some((byte) => byte !== 0)) {
    throw new StorageError("unsupported", `${what}: compressed with a zstd dictionary`, {
      facts: { file: what },
    })
  }
  const contentSize = readContentSize(reader, descriptor >> 6, singleSegment)
  const start = reader.position
  const longestOutput = walkBlocks(reader, what)
  const blocksLength = reader.position - start
  reader.seek(start, "zstd blocks")
  const blocks = reader.bytes(blocksLength, "zstd blocks")
  if ((descriptor & 0b100) !== 0) reader.bytes(4, "zstd checksum")
  return { contentSize, longestOutput, blocks }
}

function readContentSize(reader: ByteReader, flag: number, singleSegment: boolean): number | undefined {
  if (flag === 0) return singleSegment ? reader.u8("zstd content size") : undefined
  if (flag === 1) return reader.u16le("zstd content size") + 256
  const low = reader.u32le("zstd content size")
  return flag === 2 ? low : low + reader.u32le("zstd content size") * 0x1_0000_0000
}

/** Moves behind the last block and says how much the blocks can give at most. */
function walkBlocks(reader: ByteReader, what: string): number {
  let longestOutput = 0
  for (let last = false; !last;) {
    const header = reader.u24le("zstd block")
    last = header % 2 === 1
    const kind = (header >> 1) & 0b11
    const size = header >> 3
    if (kind === 3 || size > LONGEST_BLOCK) throw corrupt(what, "a zstd block that cannot be")
    reader.bytes(kind === 1 ? 1 : size, "zstd block")
    longestOutput += kind === 2 ? LONGEST_BLOCK : size
  }
  return longestOutput
}

function decodeFrame(frame: Frame, limit: number, what: string): Uint8Array {
  const { contentSize, longestOutput, blocks } = frame
  if (contentSize !== undefined && contentSize > limit) throw tooLong(what, limit)
  if (contentSize !== undefined && contentSize > longestOutput) {
    throw corrupt(what, `${contentSize} bytes are announced, the zstd blocks hold at most ${longestOutput}`)
  }
  const bound = Math.min(contentSize ?? limit, limit, longestOutput)
  const output =
    native === undefined ? decodeZstdBlocks(blocks, bound, what) : decodeNatively(native, blocks, bound, what)
  if (contentSize !== undefined && output.length !== contentSize) {
    throw corrupt(what, `${contentSize} bytes were announced, zstd gave ${output.length}`)
  }
  return output
}

function withOwnHeader(blocks: Uint8Array, outputBound: number): Uint8Array {
  // The smallest power of two that holds all output: no back-reference can reach further.
  const exponent = Math.max(0, Math.ceil(Math.log2(Math.max(outputBound, LONGEST_BLOCK))) - 10)
  const frame = new Uint8Array(6 + blocks.length)
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3])
  frame.set(blocks, 6)
  return frame
}

type NativeDecompress = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array

// Node has its own since 22.15, several times faster; the oldest Node that we run on has none.
const native = (zlib as { zstdDecompressSync?: NativeDecompress }).zstdDecompressSync

function decodeNatively(
  decompress: NativeDecompress,
  blocks: Uint8Array,
  bound: number,
  what: string,
): Uint8Array {
  try {
    return decompress(withOwnHeader(blocks, bound), { maxOutputLength: Math.max(bound, 1) })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLong(what, bound)
    throw asCorrupt(cause, what, "zstd cannot decompress it")
  }
}

function tooLong(what: string, limit: number): StorageError {
  return new StorageError("corrupt", `${what}: decompresses to more than the ${limit} bytes it may have`, {
    facts: { file: what, limit },
  })
}

function corrupt(what: string, message: string): StorageError {
  return new StorageError("corrupt", `${what}: ${message}`, { facts: { file: what } })
}
