import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ZeroDigests } from "../../../storage/bytes/index.js"
import { StorageError } from "../../../storage/errors.js"
import { createContentHash, createRunningHash } from "../../../storage/kopia/content-hash.js"
import { sha256 } from "../../../storage/restic/running-sha256.js"

const secret = Uint8Array.from({ length: 32 }, (_, at) => at * 7)
const algorithms = [
  "BLAKE2B-256",
  "BLAKE2B-256-128",
  "BLAKE2S-256",
  "BLAKE2S-128",
  "BLAKE3-256",
  "BLAKE3-256-128",
  "HMAC-SHA224",
  "HMAC-SHA256",
  "HMAC-SHA256-128",
  "HMAC-SHA3-224",
  "HMAC-SHA3-256",
]
const step = 16 * 1024
const edges = [0, 1, 63, 64, 65, step - 1, step, step + 1, 3 * step - 1, 3 * step, 5 * step + 7]

describe("the hash of zeros", () => {
  it.each(algorithms)(
    "%s: is that of so many zero bytes, in whatever order lengths are asked",
    async (name) => {
      const whole = await createContentHash(name, secret)
      const running = await createRunningHash(name, secret)
      const lengths = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max: 9 * step }))
      fc.assert(
        fc.property(fc.array(lengths, { maxLength: 12 }), (asked) => {
          const zeros = new ZeroDigests(running)
          for (const length of asked) {
            expect(zeros.hex(length)).toBe(Buffer.from(whole(new Uint8Array(length))).toString("hex"))
          }
        }),
        { numRuns: 25 },
      )
    },
  )

  it("is SHA-256 for restic, also of 8 MiB and of what was asked before", () => {
    const zeros = new ZeroDigests(sha256())
    for (const length of [8 << 20, 1, 512 << 10, 8 << 20, 1]) {
      expect(zeros.hex(length)).toBe(createHash("sha256").update(new Uint8Array(length)).digest("hex"))
    }
  })

  it.each([-1, 0.5, Infinity, 2 ** 40])("refuses a length of %d, which no splitter cuts", (length) => {
    expect(() => new ZeroDigests(sha256()).hex(length)).toThrow(StorageError)
  })
})
