import { describe, expect, it } from "vitest"
import { createContentHash } from "../../../storage/kopia/content-hash.js"
import { fixtureNames } from "../../support/fixtures.js"
import { storedContentsOf } from "./stored-contents.js"
import { decompress } from "../../../storage/kopia/compression.js"

const secret = Uint8Array.from({ length: 32 }, (_, index) => 0x40 + index)
const text = (plain: string) => new TextEncoder().encode(plain)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

const lengths = {
  "BLAKE2B-256": 32,
  "BLAKE2B-256-128": 16,
  "BLAKE2S-256": 32,
  "BLAKE2S-128": 16,
  "BLAKE3-256": 32,
  "BLAKE3-256-128": 16,
  "HMAC-SHA224": 28,
  "HMAC-SHA256": 32,
  "HMAC-SHA256-128": 16,
  "HMAC-SHA3-224": 28,
  "HMAC-SHA3-256": 32,
}

describe("the content hash", () => {
  it.each([
    ["BLAKE2B-256-128", "f9cbfd617f9e6dd17aa0669f7d084312"],
    ["BLAKE2B-256", "f9cbfd617f9e6dd17aa0669f7d084312867f82851ecc0e164017b6ea85e54c32"],
    ["BLAKE2S-128", "0974d922499b20b56f3de0470dad43cc"],
    ["HMAC-SHA256-128", "c49951646e181b1931aba22ea26b1081"],
  ])("gives the documented %s", async (algorithm, expected) => {
    const hash = await createContentHash(algorithm, secret)
    expect(hex(hash(text("hello kopia")))).toBe(expected)
  })

  it.each(Object.entries(lengths))("%s has %i bytes and gives them again", async (algorithm, length) => {
    const hash = await createContentHash(algorithm, secret)
    const first = hash(text("first"))
    expect(first).toHaveLength(length)
    expect(hash(text("second"))).not.toEqual(first)
    expect(hash(text("first"))).toEqual(first)
  })

  it.each(Object.keys(lengths))("%s does not change when the caller wipes the secret", async (algorithm) => {
    const own = Uint8Array.from(secret)
    const hash = await createContentHash(algorithm, own)
    const before = hash(text("content"))
    own.fill(0)
    expect(hash(text("content"))).toEqual(before)
  })

  it("keeps functions of different secrets apart, also when their calls alternate", async () => {
    const one = await createContentHash("BLAKE2B-256", secret)
    const before = one(text("content"))
    const other = await createContentHash("BLAKE2B-256", new Uint8Array(32))
    expect(other(text("content"))).not.toEqual(before)
    expect(one(text("content"))).toEqual(before)
  })

  it("takes the first 32 bytes of a longer BLAKE3 secret", async () => {
    const longer = await createContentHash("BLAKE3-256", Uint8Array.of(...secret, 1, 2, 3))
    const exact = await createContentHash("BLAKE3-256", secret)
    expect(longer(text("content"))).toEqual(exact(text("content")))
  })

  it("derives a key from a shorter BLAKE3 secret", async () => {
    const short = await createContentHash("BLAKE3-256", secret.subarray(0, 16))
    const padded = await createContentHash(
      "BLAKE3-256",
      Uint8Array.of(...secret.subarray(0, 16), ...new Uint8Array(16)),
    )
    expect(short(text("content"))).toHaveLength(32)
    expect(short(text("content"))).not.toEqual(padded(text("content")))
  })

  it.each([
    ["BLAKE2B-256-128", 65],
    ["BLAKE2S-128", 33],
  ])("says that %s cannot take a secret of %i bytes", async (algorithm, length) => {
    await expect(createContentHash(algorithm, new Uint8Array(length))).rejects.toMatchObject({
      code: "corrupt",
    })
  })

  it.each(["MD5", "toString", ""])("refuses the algorithm %j by name", async (algorithm) => {
    await expect(createContentHash(algorithm, secret)).rejects.toMatchObject({
      code: "unsupported",
      message: `unknown content hash ${JSON.stringify(algorithm)}`,
    })
  })
})

describe("in repositories of the real program", () => {
  const repositories = fixtureNames("kopia").filter((name) => name.startsWith("kopia/algo-"))
  const met = new Set<string>()

  it.each(repositories)("%s names every content by its hash", async (name) => {
    const { format, contents } = await storedContentsOf(name)
    met.add(format.hash)
    const hash = await createContentHash(format.hash, format.secret)
    expect(contents.length).toBeGreaterThan(5)
    for (const { entry, framed } of contents) {
      const plain =
        entry.compression === 0
          ? framed
          : decompress(entry.compression, framed, entry.originalLength, entry.contentId)
      expect(hex(hash(plain))).toBe(entry.contentId.replace(/^[g-z]/, ""))
    }
  })

  it("uses every algorithm there is", () => {
    expect([...met].sort()).toEqual(Object.keys(lengths).sort())
  })
})
