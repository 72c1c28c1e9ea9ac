import { createHash } from "node:crypto"
import { deflateRawSync, gzipSync } from "node:zlib"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { decompress, isCompressionHeader } from "../../../storage/kopia/compression.js"
import { createContentHash } from "../../../storage/kopia/content-hash.js"
import { expectedOf } from "../../support/fixtures.js"
import { type StoredContent, storedContentsOf } from "./stored-contents.js"

// Every number in the table of the format, with a name for messages.
const headers = new Map([
  [0x1000, "gzip"],
  [0x1001, "gzip-best-speed"],
  [0x1002, "gzip-best-compression"],
  [0x1100, "zstd"],
  [0x1101, "zstd-fastest"],
  [0x1102, "zstd-better-compression"],
  [0x1103, "zstd-best-compression"],
  [0x1200, "s2-default"],
  [0x1201, "s2-better"],
  [0x1202, "s2-parallel-4"],
  [0x1203, "s2-parallel-8"],
  [0x1300, "pgzip"],
  [0x1301, "pgzip-best-speed"],
  [0x1302, "pgzip-best-compression"],
  [0x1400, "lz4"],
  [0x1500, "deflate-default"],
  [0x1501, "deflate-best-speed"],
  [0x1502, "deflate-best-compression"],
])
const names = [...headers].map(([id, name]) => [name, id] as const)

const corrupt = expect.objectContaining({ code: "corrupt" }) as Error

interface Restored {
  readonly files: readonly { readonly type: string; readonly size?: number; readonly sha256?: string }[]
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

function restoredFiles(name: string): Set<string> {
  const restores = expectedOf(name).restores as readonly Restored[]
  const files = restores.flatMap(({ files }) => files)
  return new Set(files.flatMap(({ sha256 }) => (sha256 === undefined ? [] : [sha256])))
}

function missing(wanted: ReadonlySet<string>, given: readonly Uint8Array[]): string[] {
  const met = new Set(given.map(sha256))
  return [...wanted].filter((sum) => !met.has(sum))
}

function headerOf(framed: Uint8Array): number {
  return framed.length < 4 ? 0 : Buffer.from(framed).readUInt32BE()
}

function framed(id: number, ...stream: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(id)
  return Buffer.concat([header, ...stream])
}

describe("what the real program compressed", async () => {
  const { format, contents } = await storedContentsOf("kopia/compression")
  const compressed = new Map<number, StoredContent[]>()
  for (const content of contents.filter(({ entry }) => entry.compression !== 0)) {
    const { compression } = content.entry
    compressed.set(compression, [...(compressed.get(compression) ?? []), content])
  }
  const smallest = [...compressed.values()].map((all) =>
    all.reduce((a, b) => (a.framed.length <= b.framed.length ? a : b)),
  )

  it.each(names)("%s decodes to the bytes whose keyed hash is the content's name", async (_, id) => {
    const hash = await createContentHash(format.hash, format.secret)
    const all = compressed.get(id) ?? []
    expect(all.length).toBeGreaterThan(3)
    for (const { entry, framed } of all) {
      const plain = decompress(id, framed, entry.originalLength, entry.contentId)
      expect(plain).toHaveLength(entry.originalLength)
      expect(Buffer.from(hash(plain)).toString("hex")).toBe(entry.contentId.replace(/^[g-z]/, ""))
    }
  })

  it("gives every file that the program itself restored", () => {
    const given = contents.map(({ entry, framed }) =>
      entry.compression === 0 ? framed : decompress(entry.compression, framed, entry.originalLength, "c"),
    )
    const wanted = restoredFiles("kopia/compression")
    expect(wanted.size).toBeGreaterThan(15)
    expect(missing(wanted, given)).toEqual([])
  })

  it("is the same where the header stands in the object and not in the index", async () => {
    // Nothing names the length of the object here, so the limit is the reader's own.
    const old = await storedContentsOf("kopia/compression-format-1")
    const given = old.contents.map(({ framed }) =>
      isCompressionHeader(headerOf(framed)) ? decompress(headerOf(framed), framed, 10_000_000, "c") : framed,
    )
    const wanted = restoredFiles("kopia/compression-format-1")
    expect(wanted.size).toBeGreaterThan(10)
    expect(missing(wanted, given)).toEqual([])
  })

  it.each(names)("%s gives exactly the limit and not one byte more", (_, id) => {
    for (const { entry, framed } of compressed.get(id) ?? []) {
      const { originalLength } = entry
      expect(decompress(id, framed, originalLength + 1000, "c")).toHaveLength(originalLength)
      expect(() => decompress(id, framed, originalLength - 1, "c")).toThrow(corrupt)
      expect(() => decompress(id, framed, 0, "c")).toThrow(corrupt)
    }
  })

  it.each(smallest.map((content) => [headers.get(content.entry.compression), content] as const))(
    "%s cut at any length is an error or shorter, never other bytes",
    (_, { entry, framed }) => {
      const whole = Buffer.from(decompress(entry.compression, framed, entry.originalLength, "c"))
      for (let length = 0; length < framed.length; length++) {
        const bytes = outcomeOf(entry.compression, framed.subarray(0, length), entry.originalLength)
        if (bytes === undefined) continue
        expect(whole.subarray(0, bytes.length)).toEqual(Buffer.from(bytes))
      }
    },
  )

  it.each(smallest.map((content) => [headers.get(content.entry.compression), content] as const))(
    "%s damaged at random fails with a StorageError or stays within the limit",
    (_, { entry, framed }) => {
      const damage = fc.array(fc.tuple(fc.nat(framed.length - 1), fc.nat(255)), {
        minLength: 1,
        maxLength: 8,
      })
      fc.assert(
        fc.property(damage, (changes) => {
          const bytes = Buffer.from(framed)
          for (const [at, value] of changes) bytes[at] = value
          const given = outcomeOf(entry.compression, bytes, entry.originalLength)
          expect(given?.length ?? 0).toBeLessThanOrEqual(entry.originalLength)
        }),
        { numRuns: 150 },
      )
    },
  )
})

describe("decompress", () => {
  it("reads gzip members one after another", () => {
    const stream = framed(0x1300, gzipSync("one, "), gzipSync("two"))
    expect(Buffer.from(decompress(0x1300, stream, 8, "c")).toString()).toBe("one, two")
  })

  it.each([
    ["gzip", framed(0x1000, gzipSync(new Uint8Array(50_000_000)))],
    ["deflate", framed(0x1500, deflateRawSync(new Uint8Array(50_000_000)))],
  ])("stops a %s bomb at the limit", (_, bomb) => {
    const before = process.memoryUsage().arrayBuffers
    expect(() => decompress(Buffer.from(bomb).readUInt32BE(), bomb, 1000, "pack p1")).toThrow(
      "pack p1: decompresses to more than the 1000 bytes",
    )
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })

  it("gives nothing for nothing where nothing is allowed", () => {
    expect(decompress(0x1000, framed(0x1000, gzipSync("")), 0, "c")).toHaveLength(0)
    expect(decompress(0x1500, framed(0x1500, deflateRawSync("")), 0, "c")).toHaveLength(0)
  })

  it("refuses a stream under another header than the index says", () => {
    expect(() => decompress(0x1101, framed(0x1000, gzipSync("x")), 1, "pack p1")).toThrow(
      expect.objectContaining({
        code: "corrupt",
        message: "pack p1: compressed by 0x1000, expected 0x1101",
      }) as Error,
    )
  })

  it("refuses a number that is not in the table, by number", () => {
    expect(() => decompress(0x1600, framed(0x1600), 1, "pack p1")).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: "pack p1: unknown compression 0x1600",
      }) as Error,
    )
  })

  it.each([0, 1, 2, 3])("refuses %i bytes, too few for a header", (length) => {
    expect(() => decompress(0x1000, new Uint8Array(length), 1, "c")).toThrow(corrupt)
  })

  it("refuses bytes that are no stream, for every algorithm", () => {
    for (const id of headers.keys()) {
      expect(() => decompress(id, framed(id, Buffer.from("no stream at all")), 100, "c")).toThrow(corrupt)
      expect(() => decompress(id, framed(id), 100, "c")).toThrow(corrupt)
    }
  })
})

describe("isCompressionHeader", () => {
  it("knows the whole table and nothing beside it", () => {
    const known = Array.from({ length: 0x2000 }, (_, id) => id).filter(isCompressionHeader)
    expect(known).toEqual([...headers.keys()])
  })
})

/** Undefined for a StorageError of damage; anything else that is thrown fails the test. */
function outcomeOf(id: number, stream: Uint8Array, limit: number): Uint8Array | undefined {
  try {
    return decompress(id, stream, limit, "c")
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    return undefined
  }
}
