import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
// Not through the door of the room: where Node has a decoder of its own, zstdDecompress does not come here.
import { decodeZstdBlocks } from "../../../storage/bytes/zstd-blocks.js"

const corrupt = expect.objectContaining({ code: "corrupt" }) as Error
const hex = (bytes: string) => Buffer.from(bytes, "hex")

function block(kind: 0 | 1 | 2, size: number, body: Uint8Array, last = false): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 3) | (kind << 1) | (last ? 1 : 0), 0, 3)
  return Buffer.concat([header, body])
}

const raw = (text: string, last = false) => block(0, text.length, Buffer.from(text), last)
const run = (byte: string, length: number, last = false) => block(1, length, Buffer.from(byte), last)
const compressed = (body: Uint8Array, last = true) => block(2, body.length, body, last)
const decoded = (...blocks: readonly Buffer[]) =>
  Buffer.from(decodeZstdBlocks(Buffer.concat(blocks), 1_000_000, "f")).toString("latin1")

/** A block of raw literals and `count` sequences that all have the same three codes, which are 0 bits long each. */
function sameSequences(
  literals: string,
  count: number,
  codes: readonly [literalLength: number, distance: number, copyLength: number],
  bits: Buffer,
): Buffer {
  const sequences =
    count < 128
      ? Buffer.of(count)
      : count < 0x7f00
        ? Buffer.of((count >> 8) + 128, count & 0xff)
        : Buffer.of(255, (count - 0x7f00) & 0xff, (count - 0x7f00) >> 8)
  return Buffer.concat([
    Buffer.of(literals.length << 3),
    Buffer.from(literals),
    sequences,
    Buffer.of(0b0101_0100, ...codes),
    bits,
  ])
}

describe("zstd blocks", () => {
  it("are bytes as they are and runs of one byte", () => {
    expect(decoded(raw("ab"), run("c", 3), raw(""), raw("d", true))).toBe("abcccd")
  })

  it("are compressed", () => {
    // By the zstd program, 1.5: "hello zstd, hello zstd, hello zstd".
    expect(decoded(hex("9500006068656c6c6f207a7374642c200100574a12"))).toBe(
      "hello zstd, hello zstd, hello zstd",
    )
  })

  it("may copy from blocks before, by one of the last distances", () => {
    // One literal, then 3 bytes from where the last copy came from: 1 byte back, at the start of a frame.
    const body = sameSequences("x", 1, [1, 0, 0], Buffer.of(0b1))
    expect(decoded(raw("abc"), compressed(body))).toBe("abcxxxx")
    // Without literals the same value means the second last: 4 bytes back.
    expect(decoded(raw("abcd"), compressed(sameSequences("", 1, [0, 0, 0], Buffer.of(0b1))))).toBe("abcdabc")
  })

  it("may not copy from before the start", () => {
    expect(() => decoded(raw("abc"), compressed(sameSequences("", 1, [0, 0, 0], Buffer.of(1))))).toThrow(
      "f: a copy from 4 bytes back, only 3 are there",
    )
  })

  it("may not give more than the limit, nor than a block can", () => {
    expect(() => decodeZstdBlocks(run("a", 1001, true), 1000, "f")).toThrow(
      "f: decompresses to more than the 1000 bytes it may have",
    )
    // 43,691 copies of 3 bytes: 1 more than fit into 128 KiB.
    const long = sameSequences("", 43_691, [0, 0, 0], Buffer.of(0b1))
    expect(() => decoded(run("a", 10), compressed(long))).toThrow("zstd sequences that cannot be")
  })

  it("cannot keep us busy with sequences that are longer than a block", () => {
    // 98,047 sequences that say 65,536 literals and a copy of 65,539 bytes each, in 9 bytes.
    const bomb = compressed(sameSequences("", 98_047, [35, 0, 52], Buffer.of(0x80)))
    const started = performance.now()
    expect(() => decoded(bomb)).toThrow(corrupt)
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it("may be many and tiny in front of much output", () => {
    const tiny = Buffer.concat(Array.from({ length: 100_000 }, () => raw("a")))
    const started = performance.now()
    expect(decodeZstdBlocks(Buffer.concat([tiny, run("b", 100_000, true)]), 2 ** 30, "f")).toHaveLength(
      200_000,
    )
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it.each([
    ["no literals header", hex("")],
    ["literals that are not there", hex("28616263")],
    ["a Huffman code of a block before, without one", hex("43c00000")],
    ["sequence tables of a block before, without any", hex("0001fc01")],
    ["a reserved bit in the modes", hex("000155000000" + "01")],
    ["a code that no length has", hex("0001542400" + "0001")],
    ["a bit stream without an end", hex("000154000000" + "00")],
    ["bits that nobody reads", hex("000154000000" + "03")],
    ["bytes behind no sequences", hex("086100" + "00")],
    ["a Huffman code of nothing but zeros", hex("42c000" + "8100")],
  ])("are refused with %s", (_, body) => {
    expect(() => decoded(raw("abcdefgh"), compressed(body))).toThrow(corrupt)
  })

  it("fail with a StorageError or stay within the limit, whatever the bytes", () => {
    const body = fc.uint8Array({ minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 3 }), (bodies) => {
        const blocks = bodies.map((bytes, at) => compressed(bytes, at + 1 === bodies.length))
        try {
          const given = decodeZstdBlocks(Buffer.concat([raw("some bytes to copy"), ...blocks]), 50_000, "f")
          expect(given.length).toBeLessThanOrEqual(50_000)
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
