import { gunzipSync, inflateRawSync, type ZlibOptions } from "node:zlib"
import { ByteReader, zstdDecompress } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { decompressLz4 } from "./lz4.js"
import { decompressS2 } from "./s2.js"

/** `limit` is the most bytes the result may have; `what` names the input in errors. */
type Decompress = (stream: Uint8Array, limit: number, what: string) => Uint8Array

const gzip: Decompress = (stream, limit, what) => inflate(gunzipSync, stream, limit, what)
const deflate: Decompress = (stream, limit, what) => inflate(inflateRawSync, stream, limit, what)

const algorithms: ReadonlyMap<number, Decompress> = new Map([
  [0x1000, gzip], // gzip
  [0x1001, gzip], // gzip-best-speed
  [0x1002, gzip], // gzip-best-compression
  [0x1100, zstdDecompress], // zstd
  [0x1101, zstdDecompress], // zstd-fastest
  [0x1102, zstdDecompress], // zstd-better-compression
  [0x1103, zstdDecompress], // zstd-best-compression
  [0x1200, decompressS2], // s2-default
  [0x1201, decompressS2], // s2-better
  [0x1202, decompressS2], // s2-parallel-4
  [0x1203, decompressS2], // s2-parallel-8
  [0x1300, gzip], // pgzip
  [0x1301, gzip], // pgzip-best-speed
  [0x1302, gzip], // pgzip-best-compression
  [0x1400, decompressLz4], // lz4, up to 0.22
  [0x1500, deflate], // deflate-default
  [0x1501, deflate], // deflate-best-speed
  [0x1502, deflate], // deflate-best-compression
])

/** Whether Kopia gives this number to a compression algorithm (kopia-repository-format §7). */
export function isCompressionHeader(id: number): boolean {
  return algorithms.has(id)
}

/**
 * Decompresses a content (kopia-repository-format §7). `framed` is the stored form: the header id as four big-endian
 * bytes, then the compressor's stream. Throws StorageError `corrupt` when the two ids differ, when the stream is
 * damaged and when it gives more than `limit` bytes; `unsupported` for an id that is not in the table.
 */
export function decompress(headerId: number, framed: Uint8Array, limit: number, what: string): Uint8Array {
  const reader = new ByteReader(framed, what)
  const stored = reader.u32be("compression header")
  if (stored !== headerId) {
    throw new StorageError("corrupt", `${what}: compressed by ${hex(stored)}, expected ${hex(headerId)}`)
  }
  const algorithm = algorithms.get(headerId)
  if (algorithm === undefined) {
    throw new StorageError("unsupported", `${what}: unknown compression ${hex(headerId)}`, {
      facts: { compression: headerId },
    })
  }
  const output = algorithm(reader.rest(), limit, what)
  if (output.length > limit) throw tooLong(what, limit, undefined)
  return output
}

/** As `decompress`, for a stored form that nothing but itself says the algorithm of (§7, object-level compression). */
export function decompressFramed(framed: Uint8Array, limit: number, what: string): Uint8Array {
  return decompress(new ByteReader(framed, what).u32be("compression header"), framed, limit, what)
}

type Inflate = (stream: Uint8Array, options: ZlibOptions) => Uint8Array

function inflate(run: Inflate, stream: Uint8Array, limit: number, what: string): Uint8Array {
  try {
    // Node refuses a limit of 0; the caller's own check catches the one byte too many.
    return run(stream, { maxOutputLength: Math.max(limit, 1) })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLong(what, limit, cause)
    throw new StorageError("corrupt", `${what}: not a whole DEFLATE stream`, { cause })
  }
}

function tooLong(what: string, limit: number, cause: unknown): StorageError {
  return new StorageError("corrupt", `${what}: decompresses to more than the ${limit} bytes it may have`, {
    cause,
  })
}

function hex(id: number): string {
  return `0x${id.toString(16)}`
}
