import { StorageError } from "../errors.js"
import type { ByteReader } from "./byte-reader.js"
import { decodeHuffman, decodeHuffmanFour, type HuffmanTable, readHuffmanTable } from "./zstd-huffman.js"

const LONGEST = 128 * 1024

const RAW = 0
const RUN = 1
const COMPRESSED = 2

/** Reads the literals of a block (RFC 8878 §3.1.1.3.1) and the Huffman code that later blocks may go on using. */
export function readLiterals(
  reader: ByteReader,
  previous: HuffmanTable | undefined,
  what: string,
): { readonly literals: Uint8Array; readonly table: HuffmanTable | undefined } {
  const first = reader.u8("zstd literals header")
  const kind = first & 0b11
  const format = (first >> 2) & 0b11
  if (kind === RAW || kind === RUN) {
    const length = plainLength(reader, first, format)
    if (length > LONGEST) throw corrupt(what)
    const literals =
      kind === RAW
        ? reader.bytes(length, "zstd literals")
        : new Uint8Array(length).fill(reader.u8("zstd literal"))
    return { literals, table: previous }
  }

  const { length, storedLength } = compressedLengths(reader, first, format)
  if (length > LONGEST) throw corrupt(what)
  const start = reader.position
  const table = kind === COMPRESSED ? readHuffmanTable(reader, what) : previous
  if (table === undefined) throw corrupt(what)
  const stored = reader.bytes(storedLength - (reader.position - start), "zstd literals")
  const literals = new Uint8Array(length)
  const decode = format === 0 ? decodeHuffman : decodeHuffmanFour
  decode(stored, table, literals, what)
  return { literals, table }
}

function plainLength(reader: ByteReader, first: number, format: number): number {
  if (format === 1) return (first >> 4) + reader.u8("zstd literals length") * 0x10
  if (format === 3) return (first >> 4) + reader.u16le("zstd literals length") * 0x10
  return first >> 3
}

/** Two numbers of 10, 14 or 18 bits behind the first four bits. */
function compressedLengths(
  reader: ByteReader,
  first: number,
  format: number,
): { readonly length: number; readonly storedLength: number } {
  const field = "zstd literals length"
  const [bits, rest] =
    format < 2
      ? [10, reader.u16le(field)]
      : format === 2
        ? [14, reader.u24le(field)]
        : [18, reader.u32le(field)]
  const both = (first >> 4) + rest * 0x10
  return { length: both % 2 ** bits, storedLength: Math.floor(both / 2 ** bits) }
}

function corrupt(what: string): StorageError {
  return new StorageError("corrupt", `${what}: zstd literals that cannot be`)
}
