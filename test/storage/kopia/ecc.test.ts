import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { eccDecode } from "../../../storage/kopia/ecc.js"
import { fixture, fixtureCopy } from "../../support/fixtures.js"
import { type EccProfile, type EncodedEcc, encodeEcc, type Place } from "../../support/kopia-ecc-encoding.js"
import { SeededBytes } from "../../support/seeded.js"
import { open, passwordOf } from "./open.js"
import { storedContentsOf } from "./stored-contents.js"

const corrupt = expect.objectContaining({ code: "corrupt" }) as Error

// By overhead in percent; repositories that kopia 0.22.3 made with these gave the numbers.
const profiles: Readonly<Record<number, EccProfile>> = {
  1: { dataShards: 254, parityShards: 2, longestShard: 1024 },
  2: { dataShards: 164, parityShards: 2, longestShard: 512 },
  3: { dataShards: 139, parityShards: 2, longestShard: 256 },
  4: { dataShards: 228, parityShards: 2, longestShard: 128 },
  5: { dataShards: 128, parityShards: 2, longestShard: 128 },
  6: { dataShards: 128, parityShards: 3, longestShard: 128 },
  7: { dataShards: 254, parityShards: 2, longestShard: 64 },
  8: { dataShards: 128, parityShards: 2, longestShard: 64 },
  10: { dataShards: 128, parityShards: 4, longestShard: 64 },
  13: { dataShards: 128, parityShards: 8, longestShard: 64 },
  20: { dataShards: 128, parityShards: 17, longestShard: 64 },
  33: { dataShards: 128, parityShards: 34, longestShard: 64 },
  75: { dataShards: 128, parityShards: 88, longestShard: 64 },
  100: { dataShards: 128, parityShards: 120, longestShard: 64 },
}
const percentages = Object.keys(profiles).map(Number)

function profileOf(overheadPercent: number): EccProfile {
  const profile = profiles[overheadPercent]
  if (profile === undefined) throw new RangeError(`no profile for ${overheadPercent}`)
  return profile
}

const settings = (overheadPercent: number) => ({ algorithm: "REED-SOLOMON-CRC32", overheadPercent })
const decode = (stored: Uint8Array, overheadPercent: number) =>
  eccDecode(stored, settings(overheadPercent), "pack p1")

function hit(stored: Uint8Array, places: readonly Place[], random: SeededBytes): Buffer {
  const damaged = Buffer.from(stored)
  for (const { start, end } of places) {
    const at = start + random.below(end - start)
    damaged[at] = (damaged[at] ?? 0) ^ (1 + random.below(255))
  }
  return damaged
}

function choose<T>(items: readonly T[], count: number, random: SeededBytes): T[] {
  const left = [...items]
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat()
}

/** As many shards of each block as its parity repairs, or one more. */
function damageEachBlock(encoded: EncodedEcc, more: number, random: SeededBytes): Buffer {
  const places = encoded.blocks.flatMap(({ data, parity }) => [
    ...data.slice(0, 1),
    ...choose([...data.slice(1), ...parity], parity.length - 1 + more, random),
  ])
  return hit(encoded.stored, places, random)
}

describe("error correction by the real program", () => {
  it.each([1, 4, 20])("of %i percent comes off every content, and back on byte for byte", async (percent) => {
    const { contents } = await storedContentsOf(`kopia/ecc-${percent}`)
    expect(contents.length).toBeGreaterThan(40)
    for (const { stored } of contents) {
      const { bytes, repaired } = decode(stored, percent)
      expect(repaired).toBe(false)
      expect(encodeEcc(bytes, profileOf(percent)).stored.equals(stored)).toBe(true)
    }
  })

  it.each([1, 4, 20])(
    "of %i percent repairs every content in which all it can repair is damaged",
    async (percent) => {
      const random = new SeededBytes(`damage ${percent}`)
      const { contents } = await storedContentsOf(`kopia/ecc-${percent}`)
      for (const { stored } of contents) {
        const { bytes } = decode(stored, percent)
        // Where the shards lie is known of the encoder; the parity that repairs is the real program's.
        const encoded = encodeEcc(bytes, profileOf(percent))
        const mended = decode(damageEachBlock(encoded, 0, random), percent)
        expect(mended.repaired).toBe(true)
        expect(Buffer.from(mended.bytes).equals(bytes)).toBe(true)
        expect(() => decode(damageEachBlock(encoded, 1, random), percent)).toThrow(corrupt)
      }
    },
  )
})

describe("a listing", () => {
  it.each(["ecc-1", "ecc-4", "ecc-20"])(
    "of %s stays the same when index and manifests are damaged, and says which files were repaired",
    async (name) => {
      const full = `kopia/${name}`
      const whole = await open(fixture(full), passwordOf(full)).list()
      const directory = fixtureCopy(full)
      const damaged = [...blobFiles(directory, "xn"), ...blobFiles(directory, "q")]
      expect(damaged.length).toBeGreaterThan(3)
      for (const file of damaged) flipOneByte(join(directory, file))

      const listing = await open(directory, passwordOf(full)).list()
      expect(listing.snapshots).toEqual(whole.snapshots)
      expect(listing.snapshots.length).toBeGreaterThan(0)
      const repaired = listing.notices.filter(({ code }) => code === "repaired").map(({ file }) => file)
      expect(repaired).toEqual(expect.arrayContaining(blobFiles(directory, "xn")))
    },
  )
})

describe("eccDecode", () => {
  const plain = new SeededBytes("plain").bytes(400_000)

  it.each(percentages)("takes %i percent off whatever the length", (percent) => {
    const { dataShards, parityShards, longestShard } = profileOf(percent)
    const smallest = 8 * (dataShards + parityShards) - 4
    const oneBlock = dataShards * longestShard - 4
    const lengths = [0, 1, 2, 3, 20, 44, 500, smallest, smallest + 1, oneBlock, oneBlock + 1]
    for (const length of lengths) {
      const bytes = plain.subarray(0, length)
      const decoded = decode(encodeEcc(bytes, profileOf(percent)).stored, percent)
      expect(decoded.repaired).toBe(false)
      expect(bytes.equals(decoded.bytes)).toBe(true)
    }
  })

  it("repairs any damage that the parity covers, at any length", () => {
    fc.assert(
      fc.property(fc.constantFrom(4, 10, 20), fc.nat(60_000), fc.string(), (percent, length, seed) => {
        const bytes = plain.subarray(0, length)
        const encoded = encodeEcc(bytes, profileOf(percent))
        const decoded = decode(damageEachBlock(encoded, 0, new SeededBytes(seed)), percent)
        expect(decoded.repaired).toBe(true)
        expect(bytes.equals(decoded.bytes)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it("repairs each single byte", () => {
    const bytes = plain.subarray(0, 150)
    const { stored, blocks } = encodeEcc(bytes, profileOf(20))
    const parityEnd = blocks[0]?.parity.at(-1)?.end
    for (let at = 0; at < stored.length; at++) {
      const damaged = Buffer.from(stored)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      const decoded = decode(damaged, 20)
      expect(bytes.equals(decoded.bytes)).toBe(true)
      expect(decoded.repaired).toBe(at >= (parityEnd ?? 0))
    }
  })

  it("does not call it a repair when only parity is damaged, even all of it", () => {
    const { stored, blocks } = encodeEcc(plain.subarray(0, 30_000), profileOf(20))
    const parity = blocks.flatMap((block) => block.parity)
    const decoded = decode(hit(stored, parity, new SeededBytes("parity")), 20)
    expect(decoded.repaired).toBe(false)
    expect(plain.subarray(0, 30_000).equals(decoded.bytes)).toBe(true)
  })

  it("says how much is damaged when it is too much", () => {
    const { stored, blocks } = encodeEcc(plain.subarray(0, 30_000), profileOf(20))
    const tooMany = blocks[1]?.data.slice(0, 18) ?? []
    expect(() => decode(hit(stored, tooMany, new SeededBytes("data")), 20)).toThrow(
      expect.objectContaining({
        code: "corrupt",
        message: "pack p1: 18 of 145 shards of block 1 are damaged, parity repairs at most 17",
        facts: { damaged: 18, repairable: 17, block: 1 },
      }) as Error,
    )
  })

  it("refuses a length that its shards cannot hold", () => {
    const { stored } = encodeEcc(Buffer.alloc(0), profileOf(20))
    // One byte per shard: the first four data shards are the length. The CRC of the byte ff is ff000000.
    const lying = Buffer.from(stored)
    for (const shard of [2, 3, 4, 5]) lying.set([0xff, 0, 0, 0, 0xff], shard * 5)
    expect(() => decode(lying, 20)).toThrow(/data below error correction needs 4294967295 bytes/)
  })

  it.each([30, 1000, 20_000])("of %i bytes cut anywhere is an error or the same bytes", (length) => {
    const bytes = plain.subarray(0, length)
    const { stored } = encodeEcc(bytes, profileOf(20))
    for (let cut = 0; cut < stored.length; cut += Math.ceil(stored.length / 300)) {
      try {
        const decoded = Buffer.from(decode(stored.subarray(0, cut), 20).bytes)
        // Whole shards of data that are gone look like zeros that were left out; the cipher's tag notices.
        expect(decoded).toHaveLength(length)
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError)
      }
    }
  })

  it("fails with a StorageError or gives no more than was stored, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 100 }), (bytes, percent) => {
        try {
          expect(decode(bytes, percent).bytes.length).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError)
        }
      }),
    )
  })

  it("refuses an unknown algorithm by name", () => {
    expect(() => eccDecode(plain, { algorithm: "HAMMING", overheadPercent: 4 }, "pack p1")).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: 'unknown error correction "HAMMING"',
      }) as Error,
    )
  })
})

/** Paths below `directory` of the blobs with that prefix, as error messages name them. */
function blobFiles(directory: string, prefix: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".f") && path.replaceAll("/", "").startsWith(prefix))
    .sort()
}

/** In the middle of an index blob lies data; in a pack it may hit any content, each of which has its own parity. */
function flipOneByte(file: string): void {
  const bytes = readFileSync(file)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 0xff
  writeFileSync(file, bytes)
}
