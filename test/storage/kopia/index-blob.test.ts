import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { scanIndex } from "../../../storage/kopia/index-blob.js"
import type { IndexEntry } from "../../../storage/kopia/index-entry.js"
import { packRecord, recordIndex, unpackRecord } from "../../../storage/kopia/index-record.js"
import { writeIndexV1, writeIndexV2 } from "./index-writer.js"

const all = () => true
const hex = (text: string) => Buffer.from(text, "hex")
const entry = {
  contentId: "f9cbfd617f9e6dd17aa0669f7d084312",
  timestamp: 1_760_000_000,
  deleted: false,
  pack: "p0123456789abcdef0123456789abcdef-s0011223344556677123",
  offset: 32,
  packedLength: 39,
  originalLength: 11,
  compression: 0,
  encryptionKeyId: 0,
}
const packHex =
  "7030313233343536373839616263646566303132333435363738396162636465662d7330303131323233333434353536363737313233"
const v2 = hex(
  "021100100000000100000001010000000000f9cbfd617f9e6dd17aa0669f7d08431268e778000000002000000b0000270000360000003d000000000300" +
    packHex,
)
const v1 = hex(
  "011100140000000100f9cbfd617f9e6dd17aa0669f7d084312000068e7780001360000002d800000200000002" + "7" + packHex,
)

describe("an index blob", () => {
  it("of version 1 is read", () => {
    expect(scanIndex(v1, "n1", all)).toEqual({ entryCount: 1, entries: [{ ...entry, deleted: true }] })
  })

  it("of version 2 is read", () => {
    expect(scanIndex(v2, "x1", all)).toEqual({ entryCount: 1, entries: [entry] })
  })

  it("of a version to come is refused by name", () => {
    expect(() => scanIndex(Buffer.from([3, ...v2.subarray(1)]), "x1", all)).toThrow(
      expect.objectContaining({ code: "unsupported", message: "x1: index version 3 is not known" }),
    )
  })

  it("may end with random bytes", () => {
    const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(32, 7)])
    expect(scanIndex(padded(v1), "n1", all).entries).toHaveLength(1)
    expect(scanIndex(padded(v2), "x1", all).entries).toHaveLength(1)
  })

  it("may be empty", () => {
    expect(scanIndex(writeIndexV1([]), "n1", all)).toEqual({ entryCount: 0, entries: [] })
    expect(scanIndex(writeIndexV2([], 16), "x1", all)).toEqual({ entryCount: 0, entries: [] })
  })

  for (const [name, bytes] of Object.entries({ v1, v2 })) {
    for (let length = 0; length < bytes.length; length++) {
      it(`of ${name} is refused when cut to ${length} bytes`, () => {
        expect(() => scanIndex(bytes.subarray(0, length), "i", all)).toThrow(
          expect.objectContaining({ code: "corrupt" }),
        )
      })
    }
  }

  it.each([
    ["more entries than it has bytes", 4, 0xff],
    ["more packs than it has bytes", 8, 0xff],
    ["more formats than it has bytes", 12, 0xff],
    ["keys without a hash", 1, 1],
    ["entries that are too short", 3, 15],
    ["entries that are too long", 3, 20],
    ["a pack that is not in its table", 17 + 17 + 15, 1],
    ["a pack's name behind its end", 17 + 17 + 16 + 2, 0xff],
    ["a pack's name that would be another path", v2.length - 1, 0x2f],
    ["a content under a prefix that no content has", 17, 0x41],
  ])("with %s is corrupt", (_, at, byte) => {
    const damaged = Buffer.from(v2)
    damaged[at] = byte
    expect(() => scanIndex(damaged, "x1", all)).toThrow(expect.objectContaining({ code: "corrupt" }))
  })

  const contents = fc.record({
    contentId: fc.stringMatching(/^[g-z]?(?:[0-9a-f]{32})$/),
    timestamp: fc.integer({ min: 1_000, max: 0xffff_ffff }),
    deleted: fc.boolean(),
    pack: fc.stringMatching(/^[pq][0-9a-f]{32}-s[0-9a-f]{19}$/),
    offset: fc.integer({ min: 0, max: 0x7fff_ffff }),
    packedLength: fc.integer({ min: 0, max: 0xfff_ffff }),
    originalLength: fc.integer({ min: 0, max: 0xfff_ffff }),
    compression: fc.constantFrom(0, 0x1000, 0x1100, 0x1203),
    encryptionKeyId: fc.constantFrom(0, 1),
  })

  it("gives back what was written to version 1", () => {
    fc.assert(
      fc.property(fc.array(contents, { maxLength: 20 }), (entries) => {
        const plain = entries.map((one) => ({
          ...one,
          compression: 0,
          encryptionKeyId: 0,
          originalLength: Math.max(0, one.packedLength - 28),
        }))
        expect(scanIndex(writeIndexV1(plain), "n1", all).entries).toEqual(plain)
      }),
    )
  })

  it("gives back what was written to version 2, for every size of entries", () => {
    fc.assert(
      fc.property(
        fc.array(contents, { maxLength: 20 }),
        fc.constantFrom(16, 17, 18, 19),
        fc.nat(1_000),
        (entries, entrySize, base) => {
          const fitting = entries.map((one): IndexEntry => ({
            ...one,
            compression: entrySize > 16 ? one.compression : 0,
            encryptionKeyId: entrySize > 16 ? one.encryptionKeyId : 0,
            packedLength: entrySize > 18 ? one.packedLength : one.packedLength % 0x100_0000,
            originalLength: entrySize > 18 ? one.originalLength : one.originalLength % 0x100_0000,
          }))
          expect(scanIndex(writeIndexV2(fitting, entrySize, base), "x1", all).entries).toEqual(fitting)
        },
      ),
    )
  })

  it("fails with a typed error, or reads something, wherever bytes are overwritten", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(v1, v2),
        fc.array(fc.tuple(fc.nat(v2.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (bytes, damages) => {
          const damaged = Buffer.from(bytes)
          for (const [at, byte] of damages) damaged[at % damaged.length] = byte
          try {
            scanIndex(damaged, "i", all)
          } catch (error) {
            expect(error).toBeInstanceOf(StorageError)
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe("what is kept of an index blob", () => {
  const hash = (number: number) => number.toString(16).padStart(32, "0")
  const others = Array.from({ length: 1_000 }, (_, index) => ({ ...entry, contentId: hash(index) }))
  const manifests = [
    { ...entry, contentId: "m" + hash(1) },
    { ...entry, contentId: "m" + hash(2), deleted: true },
  ]
  const record = recordIndex(writeIndexV2([...others, ...manifests], 17), "x1")

  it("is the contents that hold manifests, deleted ones too", () => {
    expect(record.entryCount).toBe(1_002)
    expect(record.manifests).toEqual(manifests)
  })

  it("is also a few witnesses of the rest, from its first to its last part", () => {
    expect(record.witnesses).toHaveLength(16)
    expect(record.witnesses[0]).toBe(hash(0))
    expect(parseInt(record.witnesses[15] ?? "", 16)).toBeGreaterThan(900)
  })

  it("survives being remembered", () => {
    expect(unpackRecord(packRecord(record))).toEqual(record)
  })

  it.each(["", "{}", "[1]", "[1,[],[1]]", '[1,[["m"]],[]]', '["1",[],[]]'])(
    "is read again when the memory holds %j",
    (text) => {
      expect(unpackRecord(Buffer.from(text))).toBeUndefined()
    },
  )
})
