import { StorageError } from "../errors.js"
import { BackwardBits } from "./backward-bits.js"
import type { ByteReader } from "./byte-reader.js"
import type { LzOutput } from "./lz-output.js"
import {
  buildFseTable,
  type FseLimits,
  FseState,
  type FseTable,
  parseFseTable,
  repeatedSymbol,
} from "./zstd-fse.js"

export interface SequenceTables {
  readonly literalLengths: FseTable
  readonly distances: FseTable
  readonly copyLengths: FseTable
}

/** What a frame carries from block to block. */
export interface SequenceMemory {
  tables: SequenceTables | undefined
  /** The last three distances, latest first. */
  distances: readonly [number, number, number]
}

const LONGEST_BLOCK = 128 * 1024

// A code stands for a first value and some bits to add; the small codes are the values themselves.
const literalLengthBits = [
  ...Array.from({ length: 16 }, () => 0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
]
const copyLengthBits = [
  ...Array.from({ length: 32 }, () => 0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
]
const literalLengthStarts = startsOf(literalLengthBits, 0)
const copyLengthStarts = startsOf(copyLengthBits, 3)

const limits = {
  literalLengths: { accuracyLog: 9, symbol: 35 },
  distances: { accuracyLog: 8, symbol: 31 },
  copyLengths: { accuracyLog: 9, symbol: 52 },
} as const

/** RFC 8878 §3.1.1.3.2.2. */
const predefined: SequenceTables = {
  literalLengths: buildFseTable(
    [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
      -1, -1,
    ],
    6,
    "zstd",
  ),
  distances: buildFseTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
    "zstd",
  ),
  copyLengths: buildFseTable(
    [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
    6,
    "zstd",
  ),
}

/** Reads the sequences of a block (RFC 8878 §3.1.1.3.2) and carries them out on its literals. */
export function runSequences(
  reader: ByteReader,
  literals: Uint8Array,
  memory: SequenceMemory,
  output: LzOutput,
  what: string,
): void {
  const count = readCount(reader)
  if (count === 0) {
    reader.expectEnd()
    output.append(literals)
    return
  }
  const tables = readTables(reader, memory.tables, what)
  memory.tables = tables
  const stream = new BackwardBits(reader.rest(), what)
  const literalLengths = new FseState(tables.literalLengths, stream)
  const distances = new FseState(tables.distances, stream)
  const copyLengths = new FseState(tables.copyLengths, stream)

  const end = output.length + LONGEST_BLOCK
  let literalsUsed = 0
  for (let sequence = 0; sequence < count; sequence++) {
    const distanceCode = distances.symbol
    const distanceValue = 2 ** distanceCode + stream.read(distanceCode)
    const copyLength = value(copyLengths.symbol, copyLengthStarts, copyLengthBits, stream)
    const literalLength = value(literalLengths.symbol, literalLengthStarts, literalLengthBits, stream)
    // Nothing is written before this is known, so the longest block bounds the work that a few bytes can ask for.
    if (stream.left < 0 || literalsUsed + literalLength > literals.length) throw corrupt(what)
    if (output.length + literalLength + copyLength > end) throw corrupt(what)
    output.append(literals.subarray(literalsUsed, literalsUsed + literalLength))
    literalsUsed += literalLength
    memory.distances = nextDistances(memory.distances, distanceValue, literalLength === 0)
    output.copy(memory.distances[0], copyLength)
    if (sequence + 1 === count) break
    literalLengths.advance(stream)
    copyLengths.advance(stream)
    distances.advance(stream)
  }
  if (stream.left !== 0) throw corrupt(what)
  output.append(literals.subarray(literalsUsed))
}

function readCount(reader: ByteReader): number {
  const first = reader.u8("zstd sequence count")
  if (first < 128) return first
  if (first < 255) return (first - 128) * 0x100 + reader.u8("zstd sequence count")
  return reader.u16le("zstd sequence count") + 0x7f00
}

function readTables(reader: ByteReader, previous: SequenceTables | undefined, what: string): SequenceTables {
  const modes = reader.u8("zstd sequence modes")
  if ((modes & 0b11) !== 0) throw corrupt(what)
  const read = (name: keyof SequenceTables, mode: number) =>
    readTable(
      reader,
      mode & 0b11,
      { limits: limits[name], usual: predefined[name], last: previous?.[name] },
      what,
    )
  return {
    literalLengths: read("literalLengths", modes >> 6),
    distances: read("distances", modes >> 4),
    copyLengths: read("copyLengths", modes >> 2),
  }
}

function readTable(
  reader: ByteReader,
  mode: number,
  choice: { readonly limits: FseLimits; readonly usual: FseTable; readonly last: FseTable | undefined },
  what: string,
): FseTable {
  if (mode === 0) return choice.usual
  if (mode === 1) {
    const symbol = reader.u8("zstd repeated symbol")
    if (symbol > choice.limits.symbol) throw corrupt(what)
    return repeatedSymbol(symbol)
  }
  if (mode === 2) {
    const start = reader.position
    const { table, length } = parseFseTable(reader.rest(), choice.limits, what)
    reader.seek(start + length, "zstd entropy table")
    return table
  }
  if (choice.last === undefined) throw corrupt(what)
  return choice.last
}

/** Values up to 3 mean one of the last distances; with no literals before it, the latest makes no sense and they shift. */
function nextDistances(
  [first, second, third]: readonly [number, number, number],
  distanceValue: number,
  noLiterals: boolean,
): readonly [number, number, number] {
  if (distanceValue > 3) return [distanceValue - 3, first, second]
  const which = distanceValue + (noLiterals ? 1 : 0)
  if (which === 1) return [first, second, third]
  if (which === 2) return [second, first, third]
  return [which === 3 ? third : first - 1, first, second]
}

function value(
  code: number,
  starts: readonly number[],
  bits: readonly number[],
  stream: BackwardBits,
): number {
  return (starts[code] ?? 0) + stream.read(bits[code] ?? 0)
}

function startsOf(bits: readonly number[], first: number): number[] {
  let start = first
  return bits.map((count) => {
    const own = start
    start += 2 ** count
    return own
  })
}

function corrupt(what: string): StorageError {
  return new StorageError("corrupt", `${what}: zstd sequences that cannot be`)
}
