import { StorageError } from "../errors.js"
import type { BackwardBits } from "./backward-bits.js"

/** A finite state entropy table (RFC 8878 §4.1): per state its symbol, and how the next state follows. */
export interface FseTable {
  readonly accuracyLog: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly baselines: Uint16Array
}

export interface FseLimits {
  readonly accuracyLog: number
  readonly symbol: number
}

/** Walks a table, one symbol after another. */
export class FseState {
  readonly #table: FseTable
  #state: number

  constructor(table: FseTable, stream: BackwardBits) {
    this.#table = table
    this.#state = stream.read(table.accuracyLog)
  }

  get symbol(): number {
    return this.#table.symbols[this.#state] ?? 0
  }

  advance(stream: BackwardBits): void {
    const bits = this.#table.bits[this.#state] ?? 0
    this.#state = (this.#table.baselines[this.#state] ?? 0) + stream.read(bits)
  }
}

/** A table whose every symbol is the same. */
export function repeatedSymbol(symbol: number): FseTable {
  return {
    accuracyLog: 0,
    symbols: Uint8Array.of(symbol),
    bits: Uint8Array.of(0),
    baselines: Uint16Array.of(0),
  }
}

/** Parses the description of a table at the start of `bytes`; `length` is how many bytes it took. */
export function parseFseTable(
  bytes: Uint8Array,
  limits: FseLimits,
  what: string,
): { readonly table: FseTable; readonly length: number } {
  let position = 0
  const peek = (count: number) => {
    const at = position >> 3
    const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
    return (word >> (position & 7)) & ((1 << count) - 1)
  }
  const read = (count: number) => {
    const value = peek(count)
    position += count
    return value
  }

  const accuracyLog = read(4) + 5
  if (accuracyLog > limits.accuracyLog) throw corrupt(what)
  const counts: number[] = []
  let remaining = 1 << accuracyLog
  while (remaining > 0) {
    if (counts.length > limits.symbol || position > bytes.length * 8) throw corrupt(what)
    // Values that need not be told apart from larger ones save a bit.
    const bits = bitLength(remaining + 1)
    const short = (1 << bits) - 2 - remaining
    const low = peek(bits - 1)
    let value: number
    if (low < short) value = read(bits - 1)
    else {
      value = read(bits)
      if (value >= 1 << (bits - 1)) value -= short
    }
    const count = value - 1
    remaining -= Math.abs(count)
    counts.push(count)
    if (count !== 0) continue
    for (let repeat = 3; repeat === 3;) {
      repeat = read(2)
      for (let i = 0; i < repeat; i++) counts.push(0)
      if (counts.length > limits.symbol + 1) throw corrupt(what)
    }
  }
  const length = Math.ceil(position / 8)
  if (remaining < 0 || counts.length > limits.symbol + 1 || length > bytes.length) throw corrupt(what)
  return { table: buildFseTable(counts, accuracyLog, what), length }
}

/** `counts` are the states of each symbol; -1 is a symbol rarer than one state, which gets one at the end. */
export function buildFseTable(counts: readonly number[], accuracyLog: number, what: string): FseTable {
  const size = 1 << accuracyLog
  const symbols = new Uint8Array(size)
  const next = counts.map((count) => Math.abs(count))
  let end = size
  for (const [symbol, count] of counts.entries()) if (count === -1) symbols[--end] = symbol

  const step = (size >> 1) + (size >> 3) + 3
  let place = 0
  for (const [symbol, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      symbols[place] = symbol
      do place = (place + step) % size
      while (place >= end)
    }
  }
  if (place !== 0) throw corrupt(what)

  const bits = new Uint8Array(size)
  const baselines = new Uint16Array(size)
  for (const [state, symbol] of symbols.entries()) {
    const order = next[symbol] ?? 0
    next[symbol] = order + 1
    const width = accuracyLog - bitLength(order) + 1
    bits[state] = width
    baselines[state] = (order << width) - size
  }
  return { accuracyLog, symbols, bits, baselines }
}

/** How many bits it takes to write a positive number. */
function bitLength(value: number): number {
  return 32 - Math.clz32(value)
}

function corrupt(what: string): StorageError {
  return new StorageError("corrupt", `${what}: a zstd entropy table that cannot be`)
}
