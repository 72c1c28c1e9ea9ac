import fc from "fast-check"
import { xxhash32 } from "hash-wasm"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { decompressLz4 } from "../../../storage/kopia/lz4.js"
import { xxh32 } from "../../../storage/kopia/xxh32.js"

const corrupt = expect.objectContaining({ code: "corrupt" }) as Error

const text = (plain: string) => Buffer.from(plain)
const le = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, Math.min(bytes, 6))
  return buffer
}

interface Sequence {
  readonly literals: Uint8Array
  /** Absent in the last sequence of a block. */
  readonly copy?: { readonly distance: number; readonly length: number }
}

function lengthBytes(length: number): Buffer {
  if (length < 15) return Buffer.alloc(0)
  const rest = length - 15
  return Buffer.concat([Buffer.alloc(Math.floor(rest / 255), 255), Buffer.of(rest % 255)])
}

function sequenceBytes({ literals, copy }: Sequence): Buffer {
  const token = (Math.min(literals.length, 15) << 4) | Math.min((copy?.length ?? 4) - 4, 15)
  const head = [Buffer.of(token), lengthBytes(literals.length), literals]
  return Buffer.concat(
    copy === undefined ? head : [...head, le(copy.distance, 2), lengthBytes(copy.length - 4)],
  )
}

const compressed = (...sequences: readonly Sequence[]) => Buffer.concat(sequences.map(sequenceBytes))
const only = (literals: string) => compressed({ literals: text(literals) })

interface FrameOptions {
  readonly independent?: boolean
  readonly blockChecksums?: boolean
  readonly contentSize?: number
  /** What the content checksum is taken of. */
  readonly content?: Uint8Array
  readonly flags?: number
  readonly blockSize?: number
}

function frame(
  blocks: readonly { readonly stored?: boolean; readonly body: Buffer }[],
  options: FrameOptions = {},
) {
  const { contentSize, content, blockChecksums = false } = options
  const flags =
    0x40 |
    (options.independent === true ? 0x20 : 0) |
    (blockChecksums ? 0x10 : 0) |
    (contentSize === undefined ? 0 : 0x08) |
    (content === undefined ? 0 : 0x04) |
    (options.flags ?? 0)
  const descriptor = Buffer.concat([
    Buffer.of(flags, options.blockSize ?? 0x40),
    contentSize === undefined ? Buffer.alloc(0) : le(contentSize, 8),
  ])
  return Buffer.concat([
    le(0x184d_2204, 4),
    descriptor,
    Buffer.of((xxh32(descriptor) >>> 8) & 0xff),
    ...blocks.flatMap(({ stored, body }) => [
      le(body.length + (stored === true ? 0x8000_0000 : 0), 4),
      body,
      blockChecksums ? le(xxh32(body), 4) : Buffer.alloc(0),
    ]),
    le(0, 4),
    content === undefined ? Buffer.alloc(0) : le(xxh32(content), 4),
  ])
}

const decoded = (stream: Uint8Array, limit = 1_000_000) =>
  Buffer.from(decompressLz4(stream, limit, "c")).toString("latin1")

describe("an LZ4 block", () => {
  it.each([0, 1, 14, 15, 16, 269, 270, 271, 1000])("may have %i literals", (length) => {
    expect(decoded(frame([{ body: only("x".repeat(length)) }]))).toBe("x".repeat(length))
  })

  it.each([4, 18, 19, 20, 273, 274, 275, 1000])("may copy %i bytes, also over themselves", (length) => {
    const body = compressed({ literals: text("ab"), copy: { distance: 2, length } }, { literals: text("!") })
    expect(decoded(frame([{ body }]))).toBe("ab".repeat(length / 2 + 2).slice(0, length + 2) + "!")
  })

  it.each([0, 3, 65_535])("may not copy from %i bytes back when there are two", (distance) => {
    const body = compressed({ literals: text("ab"), copy: { distance, length: 4 } }, { literals: text("!") })
    expect(() => decoded(frame([{ body }]))).toThrow(`a copy from ${distance} bytes back, only 2 are there`)
  })

  it("gives no more than the frame's longest block", () => {
    const body = compressed(
      { literals: text("a"), copy: { distance: 1, length: 65_535 } },
      { literals: text("!") },
    )
    expect(() => decoded(frame([{ body }]))).toThrow(/decompresses to more than the 65536 bytes/)
    expect(() => decoded(frame([{ body }, { body }]))).toThrow("an LZ4 block gives more than 65536 bytes")
    expect(decoded(frame([{ body }], { blockSize: 0x50 }))).toHaveLength(65_537)
  })
})

describe("an LZ4 frame", () => {
  const linked = [
    { body: only("hello ") },
    {
      body: compressed(
        { literals: text("lz4, "), copy: { distance: 11, length: 5 } },
        { literals: text("!") },
      ),
    },
  ]

  it("links its blocks, unless it says that they are independent", () => {
    expect(decoded(frame(linked))).toBe("hello lz4, hello!")
    expect(() => decoded(frame(linked, { independent: true }))).toThrow("only 5 are there")
  })

  it("may hold blocks that are stored as they are", () => {
    expect(decoded(frame([{ stored: true, body: text("plain") }, { body: only(" packed") }]))).toBe(
      "plain packed",
    )
  })

  it("may come with others and with frames to pass over", () => {
    const skippable = Buffer.concat([le(0x184d_2a53, 4), le(3, 4), text("???")])
    const stream = Buffer.concat([skippable, frame(linked), skippable, frame([{ body: only("?") }])])
    expect(decoded(stream)).toBe("hello lz4, hello!?")
  })

  it("does not reach into the frame before", () => {
    const body = compressed(
      { literals: text("a"), copy: { distance: 2, length: 4 } },
      { literals: text("b") },
    )
    const stream = Buffer.concat([frame(linked), frame([{ body }])])
    expect(() => decoded(stream)).toThrow("only 1 are there")
  })

  it("is checked by every checksum that it has", () => {
    const content = text("hello lz4, hello!")
    const good = frame(linked, { blockChecksums: true, contentSize: 17, content })
    expect(decoded(good)).toBe(content.toString())
    for (let at = 4; at < good.length; at++) {
      const damaged = Buffer.from(good)
      damaged[at] = (damaged[at] ?? 0) ^ 0x10
      expect(() => decoded(damaged)).toThrow(StorageError)
    }
  })

  it.each([
    ["content", frame(linked, { content: text("other") }), "the checksum of the LZ4 content disagrees"],
    ["length", frame(linked, { contentSize: 16 }), "an LZ4 frame of 17 bytes announced 16"],
    ["version", frame(linked, { flags: 0x80 }), "LZ4 flags 192"],
    ["reserved bit", frame(linked, { flags: 0x02 }), "LZ4 flags 66"],
    ["block size", frame(linked, { blockSize: 0x30 }), "LZ4 block size 48"],
    ["reserved block size bit", frame(linked, { blockSize: 0xc0 }), "LZ4 block size 192"],
    ["magic", text("LZ4!LZ4!"), "not an LZ4 frame"],
    ["frame", Buffer.alloc(0), "no LZ4 frame"],
  ])("is refused for a wrong %s", (_, stream, message) => {
    expect(() => decoded(stream)).toThrow(message)
    expect(() => decoded(stream)).toThrow(corrupt)
  })

  it("is refused by name when it needs a dictionary", () => {
    expect(() => decoded(frame(linked, { flags: 0x01 }))).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: "c: compressed with an LZ4 dictionary",
      }) as Error,
    )
  })

  it("is refused beyond the limit, and allocates no more than its own bytes can give", () => {
    expect(decoded(frame(linked), 17)).toHaveLength(17)
    expect(() => decoded(frame(linked), 16)).toThrow("c: decompresses to more than the 16 bytes")
    const body = compressed(
      { literals: text("a"), copy: { distance: 1, length: 4_000_000 } },
      { literals: text("!") },
    )
    const bomb = frame(
      Array.from({ length: 50 }, () => ({ body })),
      { blockSize: 0x70 },
    )
    const before = process.memoryUsage().arrayBuffers
    expect(() => decoded(bomb, 1000)).toThrow(/more than the 1000/)
    const small = decompressLz4(frame([{ body: only("x") }], { blockSize: 0x70 }), 2 ** 32, "c")
    expect(small.buffer.byteLength).toBeLessThan(1000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3_000_000)
  })

  it("is refused when cut at any length", () => {
    const whole = frame(linked, { blockChecksums: true, content: text("hello lz4, hello!") })
    for (let length = 0; length < whole.length; length++) {
      expect(() => decoded(whole.subarray(0, length))).toThrow(corrupt)
    }
  })

  const sequences = fc.array(
    fc.record({
      literals: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      distance: fc.nat(),
      length: fc.integer({ min: 4, max: 600 }),
    }),
    { minLength: 1, maxLength: 20 },
  )

  it("gives what its sequences mean, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(sequences, { minLength: 1, maxLength: 4 }), (blocks) => {
        const plain: number[] = []
        const bodies = blocks.map((wishes) => {
          const made = wishes.map(({ literals, distance, length }): Sequence => {
            for (const byte of literals) plain.push(byte)
            const back = 1 + (distance % Math.min(plain.length, 65_535))
            for (let i = 0; i < length; i++) plain.push(plain[plain.length - back] ?? 0)
            return { literals, copy: { distance: back, length } }
          })
          plain.push(33)
          return { body: compressed(...made, { literals: text("!") }) }
        })
        const content = Buffer.from(plain)
        const stream = frame(bodies, { content, contentSize: content.length })
        expect(Buffer.from(decompressLz4(stream, content.length, "c")).equals(content)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe("xxh32", () => {
  it("gives the documented value of nothing", () => {
    expect(xxh32(Buffer.alloc(0))).toBe(0x02cc_5d05)
  })

  it("agrees with another implementation", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        expect(xxh32(bytes).toString(16).padStart(8, "0")).toBe(await xxhash32(bytes))
      }),
    )
  })
})
