import { ByteReader, LzOutput } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { decodeLz4Block } from "./lz4-block.js"
import { xxh32 } from "./xxh32.js"

// An LZ4 frame (LZ4 frame format 1.6), little-endian:
//
//   0..3   magic 184d2204
//   4      bits 6..7 version 1, 5 blocks are independent, 4 block checksums, 3 content size, 2 content checksum,
//          1 reserved, 0 dictionary id
//   5      bits 4..6 longest block: 4 to 7 for 64 KiB, 256 KiB, 1 MiB, 4 MiB
//          content size, 8 bytes    optional
//          dictionary id, 4 bytes   optional
//          second byte of the XXH32 of all since byte 4
//          blocks: length (bit 31: stored as is), bytes, XXH32 of these bytes (optional); length 0 ends them
//          XXH32 of the content     optional
const FRAME_MAGIC = 0x184d_2204
const SKIPPABLE_MAGIC = 0x184d_2a50
const STORED_BIT = 0x8000_0000
/** A byte of LZ4 lengthens its block by no more than this. */
const BEST_RATIO = 255

interface Block {
  readonly stored: boolean
  readonly body: Uint8Array
}

interface Frame {
  readonly independent: boolean
  readonly longestBlock: number
  readonly contentSize: number | undefined
  readonly contentChecksum: number | undefined
  readonly blocks: readonly Block[]
}

/**
 * Decompresses LZ4 frames, one after another; every checksum that is there is checked. Throws StorageError `corrupt`,
 * also for more than `limit` bytes, and `unsupported` for a dictionary. Allocates no more than `limit` nor than
 * the input can give. `what` names the stream in errors.
 */
export function decompressLz4(stream: Uint8Array, limit: number, what: string): Uint8Array {
  const frames = readFrames(stream, what)
  const most = frames.reduce((sum, frame) => sum + mostBytesOf(frame), 0)
  const output = new LzOutput(Math.min(limit, most), what)
  for (const frame of frames) decodeFrame(frame, output, what)
  return output.bytes()
}

function readFrames(stream: Uint8Array, what: string): Frame[] {
  const reader = new ByteReader(stream, what)
  const frames: Frame[] = []
  while (reader.remaining > 0) {
    const magic = reader.u32le("LZ4 magic")
    if (magic - (magic % 16) === SKIPPABLE_MAGIC) {
      reader.bytes(reader.u32le("LZ4 skippable length"), "LZ4 skippable frame")
    } else if (magic === FRAME_MAGIC) {
      frames.push(readFrame(reader, what))
    } else {
      throw corrupt(what, "not an LZ4 frame")
    }
  }
  if (frames.length === 0) throw corrupt(what, "no LZ4 frame")
  return frames
}

function readFrame(reader: ByteReader, what: string): Frame {
  const descriptorAt = reader.position
  const flags = reader.u8("LZ4 flags")
  if (flags >> 6 !== 1 || (flags & 0b10) !== 0) throw corrupt(what, `LZ4 flags ${flags}`)
  const longestBlock = longestBlockOf(reader.u8("LZ4 block size"), what)
  const contentSize = (flags & 0b1000) === 0 ? undefined : u64le(reader)
  if ((flags & 1) !== 0) {
    throw new StorageError("unsupported", `${what}: compressed with an LZ4 dictionary`)
  }
  const descriptorLength = reader.position - descriptorAt
  reader.seek(descriptorAt, "LZ4 descriptor")
  const checksum = xxh32(reader.bytes(descriptorLength, "LZ4 descriptor"))
  if (reader.u8("LZ4 header checksum") !== ((checksum >>> 8) & 0xff)) {
    throw corrupt(what, "the checksum of the LZ4 header disagrees")
  }
  const blocks = readBlocks(reader, longestBlock, (flags & 0b1_0000) !== 0, what)
  const contentChecksum = (flags & 0b100) === 0 ? undefined : reader.u32le("LZ4 content checksum")
  return { independent: (flags & 0b10_0000) !== 0, longestBlock, contentSize, contentChecksum, blocks }
}

function longestBlockOf(descriptor: number, what: string): number {
  const code = descriptor >> 4
  if (code < 4 || code > 7 || (descriptor & 0b1111) !== 0) throw corrupt(what, `LZ4 block size ${descriptor}`)
  return 4 ** (code + 4)
}

function u64le(reader: ByteReader): number {
  const low = reader.u32le("LZ4 content size")
  return low + reader.u32le("LZ4 content size") * 0x1_0000_0000
}

function readBlocks(reader: ByteReader, longestBlock: number, checksums: boolean, what: string): Block[] {
  const blocks: Block[] = []
  for (;;) {
    const header = reader.u32le("LZ4 block length")
    if (header === 0) return blocks
    const length = header % STORED_BIT
    if (length > longestBlock) throw corrupt(what, `an LZ4 block of ${length} bytes, at most ${longestBlock}`)
    const body = reader.bytes(length, "LZ4 block")
    if (checksums && reader.u32le("LZ4 block checksum") !== xxh32(body)) {
      throw corrupt(what, "the checksum of an LZ4 block disagrees")
    }
    blocks.push({ stored: header >= STORED_BIT, body })
  }
}

function mostBytesOf(frame: Frame): number {
  return frame.blocks.reduce(
    (sum, { stored, body }) =>
      sum + (stored ? body.length : Math.min(frame.longestBlock, body.length * BEST_RATIO)),
    0,
  )
}

function decodeFrame(frame: Frame, output: LzOutput, what: string): void {
  const start = output.length
  output.raiseFloor()
  for (const block of frame.blocks) {
    if (frame.independent) output.raiseFloor()
    const blockStart = output.length
    if (block.stored) output.append(block.body)
    else decodeLz4Block(block.body, output, what)
    if (output.length - blockStart > frame.longestBlock) {
      throw corrupt(what, `an LZ4 block gives more than ${frame.longestBlock} bytes`)
    }
  }
  const content = output.bytes(start)
  if (frame.contentSize !== undefined && frame.contentSize !== content.length) {
    throw corrupt(what, `an LZ4 frame of ${content.length} bytes announced ${frame.contentSize}`)
  }
  if (frame.contentChecksum !== undefined && frame.contentChecksum !== xxh32(content)) {
    throw corrupt(what, "the checksum of the LZ4 content disagrees")
  }
}

function corrupt(what: string, message: string): StorageError {
  return new StorageError("corrupt", `${what}: ${message}`)
}
