import { ByteReader, type LzOutput } from "../bytes/index.js"

// An LZ4 block is a row of sequences: token, literals, copy. The token's high four bits are the number of literals, its
// low four the length of the copy - 4; 15 goes on in the next bytes until one is not 255. The distance is 16 bits
// little-endian. The last sequence ends behind its literals.
const CONTINUED = 15
const SHORTEST_COPY = 4

/** Decodes one block to the end of `output`. */
export function decodeLz4Block(block: Uint8Array, output: LzOutput, what: string): void {
  const reader = new ByteReader(block, what)
  for (;;) {
    const token = reader.u8("LZ4 token")
    output.append(reader.bytes(readLength(reader, token >> 4), "LZ4 literals"))
    if (reader.remaining === 0) return
    const distance = reader.u16le("LZ4 copy distance")
    output.copy(distance, readLength(reader, token & 0b1111) + SHORTEST_COPY)
  }
}

function readLength(reader: ByteReader, nibble: number): number {
  let length = nibble
  for (let more = nibble === CONTINUED; more;) {
    const byte = reader.u8("LZ4 length")
    length += byte
    more = byte === 255
  }
  return length
}
