import { StorageError } from "../errors.js"
import { BackwardBits } from "./backward-bits.js"
import { ByteReader } from "./byte-reader.js"
import { FseState, parseFseTable } from "./zstd-fse.js"

const LONGEST_CODE = 11
const MOST_WEIGHTS = 255

/** A Huffman code (RFC 8878 §4.2): for each possible run of `longest` bits its symbol and how many of them it takes. */
export interface HuffmanTable {
  readonly longest: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
}

/** Reads the description of a code. */
export function readHuffmanTable(reader: ByteReader, what: string): HuffmanTable {
  const header = reader.u8("zstd Huffman header")
  const weights =
    header < 128
      ? compressedWeights(reader.bytes(header, "zstd Huffman weights"), what)
      : plainWeights(reader.bytes(Math.ceil((header - 127) / 2), "zstd Huffman weights"), header - 127)
  return buildTable(weights, what)
}

function plainWeights(bytes: Uint8Array, count: number): number[] {
  return [...bytes].flatMap((byte) => [byte >> 4, byte & 0b1111]).slice(0, count)
}

/** Two states take turns until the stream is used up. */
function compressedWeights(bytes: Uint8Array, what: string): number[] {
  const { table, length } = parseFseTable(bytes, { accuracyLog: 6, symbol: LONGEST_CODE + 1 }, what)
  const stream = new BackwardBits(bytes.subarray(length), what)
  let current = new FseState(table, stream)
  let other = new FseState(table, stream)
  if (stream.left < 0) throw corrupt(what)
  const weights: number[] = []
  while (stream.left >= 0) {
    weights.push(current.symbol)
    if (weights.length > MOST_WEIGHTS) throw corrupt(what)
    current.advance(stream)
    const swapped = current
    current = other
    other = swapped
  }
  weights.push(current.symbol)
  return weights
}

function buildTable(weights: number[], what: string): HuffmanTable {
  const sum = weights.reduce((total, weight) => total + (weight === 0 ? 0 : 2 ** (weight - 1)), 0)
  const longest = sum === 0 ? 0 : Math.floor(Math.log2(sum)) + 1
  // The last weight is not stored: it fills the sum up to a power of two.
  const rest = 2 ** longest - sum
  if (
    longest === 0 ||
    longest > LONGEST_CODE ||
    weights.length > MOST_WEIGHTS ||
    !Number.isInteger(Math.log2(rest))
  ) {
    throw corrupt(what)
  }
  weights.push(Math.log2(rest) + 1)

  const symbols = new Uint8Array(1 << longest)
  const bits = new Uint8Array(1 << longest)
  let place = 0
  for (let weight = 1; weight <= longest; weight++) {
    for (const [symbol, its] of weights.entries()) {
      if (its !== weight) continue
      const end = place + (1 << (weight - 1))
      symbols.fill(symbol, place, end)
      bits.fill(longest + 1 - weight, place, end)
      place = end
    }
  }
  return { longest, symbols, bits }
}

/** Decodes one stream that fills `output` exactly. */
export function decodeHuffman(
  bytes: Uint8Array,
  table: HuffmanTable,
  output: Uint8Array,
  what: string,
): void {
  const stream = new BackwardBits(bytes, what)
  for (let at = 0; at < output.length && stream.left >= 0; at++) {
    const code = stream.peek(table.longest)
    output[at] = table.symbols[code] ?? 0
    stream.left -= table.bits[code] ?? 0
  }
  if (stream.left !== 0) throw corrupt(what)
}

/** Decodes four streams behind the table of their lengths; together they fill `output`. */
export function decodeHuffmanFour(
  bytes: Uint8Array,
  table: HuffmanTable,
  output: Uint8Array,
  what: string,
): void {
  const reader = new ByteReader(bytes, what)
  const lengths = [0, 1, 2].map(() => reader.u16le("zstd stream length"))
  const quarter = Math.ceil(output.length / 4)
  if (3 * quarter > output.length) throw corrupt(what)
  for (const [at, length] of lengths.entries()) {
    const part = output.subarray(at * quarter, (at + 1) * quarter)
    decodeHuffman(reader.bytes(length, "zstd stream"), table, part, what)
  }
  decodeHuffman(reader.rest(), table, output.subarray(3 * quarter), what)
}

function corrupt(what: string): StorageError {
  return new StorageError("corrupt", `${what}: a zstd Huffman code that cannot be`)
}
