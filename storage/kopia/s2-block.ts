import { ByteReader, type LzOutput } from "../bytes/index.js"
import { StorageError } from "../errors.js"

// An S2 block: the length of its output as a uvarint, then elements. The low two bits of an element's first byte tell
// its kind, the other six are `high`; numbers are little-endian.
//
//   0  literal: high + 1 bytes; from 60 on, the length - 1 stands in the next high - 59 bytes
//   1  copy of (high & 7) + 4 bytes from (high >> 3) * 256 + next byte back; 0 back means: as far as the last copy,
//      and then (high & 7) of 5, 6 and 7 put the length in 1, 2 and 3 more bytes
//   2  copy of high + 1 bytes, 16-bit distance
//   3  copy of high + 1 bytes, 32-bit distance
//
// Snappy has no copies from 0 bytes back and thus no repeats; all else is the same.
const LITERAL = 0
const SHORT_COPY = 1
const COPY_16 = 2

/** Decodes one block to the end of `output`; its copies stay inside the block. */
export function decodeS2Block(block: Uint8Array, output: LzOutput, what: string): void {
  const reader = new ByteReader(block, what)
  const expected = reader.uvarint("S2 block length")
  const start = output.length
  let distance = 0
  output.raiseFloor()
  while (reader.remaining > 0) {
    const tag = reader.u8("S2 element")
    const high = tag >> 2
    switch (tag & 0b11) {
      case LITERAL:
        output.append(reader.bytes(literalLength(reader, high), "S2 literal"))
        break
      case SHORT_COPY: {
        const given = (high >> 3) * 0x100 + reader.u8("S2 copy distance")
        const length = given === 0 ? repeatLength(reader, high & 0b111) : (high & 0b111) + 4
        if (given !== 0) distance = given
        output.copy(distance, length)
        break
      }
      case COPY_16:
        distance = reader.u16le("S2 copy distance")
        output.copy(distance, high + 1)
        break
      default:
        distance = reader.u32le("S2 copy distance")
        output.copy(distance, high + 1)
    }
  }
  if (output.length - start !== expected) {
    throw new StorageError(
      "corrupt",
      `${what}: an S2 block of ${output.length - start} bytes announced ${expected}`,
    )
  }
}

function literalLength(reader: ByteReader, high: number): number {
  if (high < 60) return high + 1
  if (high === 60) return reader.u8("S2 literal length") + 1
  if (high === 61) return reader.u16le("S2 literal length") + 1
  if (high === 62) return reader.u24le("S2 literal length") + 1
  return reader.u32le("S2 literal length") + 1
}

/** Each longer form starts where the shorter one ends. */
function repeatLength(reader: ByteReader, code: number): number {
  if (code < 5) return code + 4
  if (code === 5) return reader.u8("S2 repeat length") + 8
  if (code === 6) return reader.u16le("S2 repeat length") + 260
  return reader.u24le("S2 repeat length") + 65_540
}
