import { ByteReader } from "./byte-reader.js"
import { LzOutput } from "./lz-output.js"
import type { HuffmanTable } from "./zstd-huffman.js"
import { readLiterals } from "./zstd-literals.js"
import { runSequences, type SequenceMemory } from "./zstd-sequences.js"

const RAW = 0
const RUN = 1

/**
 * Decompresses the blocks of one Zstandard frame (RFC 8878 §3.1.1.2), the last one marked as such. Throws StorageError
 * `corrupt`, also beyond `limit` bytes of output. Work and memory are bounded by the number of blocks and by `limit`.
 */
export function decodeZstdBlocks(blocks: Uint8Array, limit: number, what: string): Uint8Array {
  const reader = new ByteReader(blocks, what)
  const output = new LzOutput(limit, what)
  const memory: SequenceMemory = { tables: undefined, distances: [1, 4, 8] }
  let huffman: HuffmanTable | undefined
  for (let last = false; !last;) {
    const header = reader.u24le("zstd block")
    last = header % 2 === 1
    const kind = (header >> 1) & 0b11
    const size = header >> 3
    if (kind === RAW) {
      output.append(reader.bytes(size, "zstd block"))
    } else if (kind === RUN) {
      output.appendRun(reader.u8("zstd block"), size)
    } else {
      const block = new ByteReader(reader.bytes(size, "zstd block"), what)
      const { literals, table } = readLiterals(block, huffman, what)
      huffman = table
      runSequences(block, literals, memory, output, what)
    }
  }
  return output.bytes()
}
