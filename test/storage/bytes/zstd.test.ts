import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { zstdDecompress } from "../../../storage/bytes/index.js"

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8")
const hex = (bytes: string) => Buffer.from(bytes, "hex")

// All frames here were written by the zstd program, 1.5.
const sentence = "hello zstd, hello zstd, hello zstd"
const withSize = hex("28b52ffd20229500006068656c6c6f207a7374642c200100574a12")
const withChecksum = hex("28b52ffd04589500006068656c6c6f207a7374642c200100574a1281630a62")
const zeros = hex("28b52ffda0e09304005400001000000100fbff39c00202001000039f0400")
const squares = Array.from({ length: 90_000 }, (_, i) => `${(i * i) % 251},`).join("")
// Three blocks, a window of 8 MiB or more for 316,254 bytes of output, and no content size.
const severalBlocks = Buffer.from(
  "KLUv/QSItAwAxmVBCbDrJEmICFaSeTwAPAA9APyK966nuNzDz7iQU2Z7h48N3aCXcLMZV7sUj3Kpq0d0OH7CgTxqi+dpp+NHXISzHIDTFvpkiqcTv2UO" +
    "AewXF3kdt15yOz7xlBc70DQ8DuAD3WYhzs7gIZ2At/3sgw62QL+6oJNt7ARe0aU8+Aw3WY7zpvQKH5m8Amd37rFRE3GHPRX00EdPHXbcA/zIJ3gMj+Jz" +
    "/NhH+mIbuQzv8UaPXnSQkzjZy4luORgH6ZyHnMZPutEgXAJz+SbGJwtNG0CEjrPFUQOP1aXI2OwSQh+7Q8rC4XJ17ysDjlwhzyRYYSw5aENYmwcaQBc7" +
    "UdbxYmGNaJxB2iDbNSAQEgExhmEPi/x15cPr4t9s4JPNuOiieyc+V9NpOTaMyFOfXFR7dcIXRttIlpGjKyNquALBBz6cv+F0EbVpjBkWvgyGfXFoA0ce" +
    "POhVG+2GkbLE4Z4NuyTj45UEN7yXGOtGq79sLC33FmLJiH63UsPCi9DPKCPPmPjigQenX1ilsVwJooNjCmhSYwUnBUwAAAABAP3/dXMBBE0AAAABAFvT" +
    "uroAAmz4FiM=",
  "base64",
)

describe("zstdDecompress", () => {
  it("decompresses a frame with its size", () => {
    expect(text(zstdDecompress(withSize, 100, "f"))).toBe(sentence)
  })

  it("decompresses a frame without a size and passes over the checksum", () => {
    expect(text(zstdDecompress(withChecksum, 100, "f"))).toBe(sentence)
  })

  it("decompresses blocks that refer to earlier blocks", () => {
    expect(text(zstdDecompress(severalBlocks, 316_254, "f"))).toBe(squares)
  })

  it("decompresses several frames one after another, and passes over skippable ones", () => {
    const skippable = hex("5a2a4d1803000000aabbcc")
    expect(text(zstdDecompress(Buffer.concat([skippable, withSize, withChecksum]), 100, "f"))).toBe(
      sentence + sentence,
    )
  })

  it("accepts exactly the limit and refuses one byte more", () => {
    expect(zstdDecompress(zeros, 300_000, "f")).toHaveLength(300_000)
    for (const frame of [zeros, severalBlocks, withSize, withChecksum]) {
      const length = zstdDecompress(frame, 1_000_000, "f").length
      expect(zstdDecompress(frame, length, "f")).toHaveLength(length)
      expect(() => zstdDecompress(frame, length - 1, "f")).toThrow(/more than the \d+ bytes/)
    }
  })

  it("counts all frames towards the limit", () => {
    expect(() => zstdDecompress(Buffer.concat([withSize, withSize]), sentence.length + 1, "f")).toThrow(
      /more than the 1 bytes/,
    )
  })

  it("refuses an announced size that the blocks cannot give, without allocating it", () => {
    const terabytes = hex("28b52ffde0ffffffffff000000950000")
    expect(() => zstdDecompress(terabytes, 2 ** 40, "f")).toThrow(StorageError)
    const before = process.memoryUsage().arrayBuffers
    const gigabytes = hex("28b52ffda0ffffff7f" + "010000")
    expect(() => zstdDecompress(gigabytes, 2 ** 40, "f")).toThrow(/2147483647 bytes are announced/)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
  })

  it("allocates no window beyond what the blocks can give", () => {
    // Window descriptor ff: 3.75 TiB.
    const wide = Buffer.concat([hex("28b52ffd00ff"), withChecksum.subarray(6, -4)])
    expect(text(zstdDecompress(wide, 100, "f"))).toBe(sentence)
  })

  it("refuses a size that does not come true", () => {
    const lying = Buffer.from(withSize)
    lying.writeUInt8(sentence.length + 1, 5)
    expect(() => zstdDecompress(lying, 100, "f")).toThrow(/35 bytes were announced, zstd gave 34/)
  })

  it("refuses dictionaries by name", () => {
    expect(() => zstdDecompress(hex("28b52ffd2107000100"), 100, "f")).toThrow(
      expect.objectContaining({ code: "unsupported" }) as Error,
    )
  })

  for (const frame of [withSize, withChecksum]) {
    for (let length = 0; length < frame.length; length++) {
      it(`refuses a frame of ${frame.length} bytes cut to ${length}`, () => {
        expect(() => zstdDecompress(frame.subarray(0, length), 100, "f")).toThrow(
          expect.objectContaining({ code: "corrupt" }) as Error,
        )
      })
    }
  }

  it("fails with a StorageError, or stays within the limit, whatever the bytes", () => {
    const frames = fc.constantFrom(withSize, withChecksum, zeros, severalBlocks)
    fc.assert(
      fc.property(frames, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1 }), (frame, changes) => {
        const bytes = Buffer.from(frame)
        for (const [at, value] of changes) bytes.writeUInt8(value, at % bytes.length)
        try {
          expect(zstdDecompress(bytes, 400_000, "f").length).toBeLessThanOrEqual(400_000)
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
