import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Secret } from "../../../storage/secret.js"
import { parseConfig } from "../../../storage/restic/config.js"
import { deriveKey, openKeyFile, parseKeyFile } from "../../../storage/restic/key-file.js"
import { openSealed } from "../../../storage/restic/sealed.js"
import { seal } from "./sealing.js"
import { CONFIG, DERIVED, KEY_JSON, KEY_NAME, SEAL_KEY, SEALED } from "./vectors.js"

const keyFile = (changes: Record<string, unknown> = {}) =>
  parseKeyFile(Buffer.from(JSON.stringify({ ...(JSON.parse(KEY_JSON) as object), ...changes })), KEY_NAME)

describe("a seal", () => {
  for (const { plaintext, sealed } of SEALED) {
    it(`opens to ${JSON.stringify(plaintext)}`, () => {
      expect(openSealed(SEAL_KEY, sealed)).toEqual(Buffer.from(plaintext))
    })

    it(`around ${JSON.stringify(plaintext)} does not open with any bit flipped`, () => {
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const flipped = Buffer.from(sealed)
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(openSealed(SEAL_KEY, flipped)).toBeUndefined()
      }
    })

    it(`around ${JSON.stringify(plaintext)} does not open when it is cut anywhere`, () => {
      for (let length = 0; length < sealed.length; length++) {
        expect(openSealed(SEAL_KEY, sealed.subarray(0, length))).toBeUndefined()
      }
    })
  }

  it("gives back whatever was sealed, and to no other key", () => {
    const other = { ...SEAL_KEY, k: Buffer.alloc(16, 7) }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (plaintext) => {
        const sealed = seal(SEAL_KEY, plaintext)
        expect(openSealed(SEAL_KEY, sealed)).toEqual(Buffer.from(plaintext))
        expect(openSealed(other, sealed)).toBeUndefined()
      }),
    )
  })

  it("does not open with a nonce of zeros", () => {
    const plaintext = Buffer.from("hello")
    const unlucky = seal(SEAL_KEY, plaintext, Buffer.alloc(16))
    expect(openSealed(SEAL_KEY, unlucky)).toBeUndefined()
    expect(openSealed(SEAL_KEY, seal(SEAL_KEY, plaintext, Buffer.alloc(16, 1)))).toEqual(plaintext)
  })
})

describe("a key file", () => {
  it("derives the key that scrypt is known to give", async () => {
    expect(Buffer.from(await deriveKey(keyFile(), new Secret("test")))).toEqual(DERIVED)
  })

  it("opens to the master key that opens config", () => {
    const masterKey = openKeyFile(keyFile(), DERIVED)
    expect(masterKey).toBeDefined()
    if (masterKey === undefined) return
    expect(parseConfig(CONFIG, masterKey)).toEqual({
      version: 2,
      id: "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
    })
  })

  it("does not open with another derived key, nor with one of another length", () => {
    for (const at of [32, 47, 48]) {
      const changed = Buffer.from(DERIVED)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      expect(openKeyFile(keyFile(), changed)).toBeUndefined()
    }
    expect(openKeyFile(keyFile(), DERIVED.subarray(1))).toBeUndefined()
  })

  it("accepts the low costs of a busy machine and the high ones of a fast machine", () => {
    expect(keyFile({ N: 512, p: 1 }).cost).toEqual({ n: 512, r: 8, p: 1 })
    expect(keyFile({ N: 65_536, p: 30 }).cost).toEqual({ n: 65_536, r: 8, p: 30 })
  })

  for (const cost of [{ N: 2 ** 20, r: 64 }, { N: 2, r: 2 ** 22 }, { p: 2 ** 20 }, { N: 2 ** 52 }]) {
    it(`refuses to pay ${JSON.stringify(cost)}`, () => {
      expect(() => keyFile(cost)).toThrow(
        expect.objectContaining({
          code: "unsupported",
          facts: expect.objectContaining({ file: `keys/${KEY_NAME}` }) as unknown,
        }) as Error,
      )
    })
  }

  for (const change of [
    { N: 1000 },
    { N: 0 },
    { N: 1 },
    { N: "1024" },
    { r: 0 },
    { r: 1.5 },
    { p: -1 },
    { salt: "AAAA" },
    { salt: "no base64!" },
    { data: 7 },
    { kdf: undefined },
  ]) {
    it(`calls a key file with ${JSON.stringify(change)} corrupt`, () => {
      expect(() => keyFile(change)).toThrow(expect.objectContaining({ code: "corrupt" }) as Error)
    })
  }

  it("refuses another derivation by name", () => {
    expect(() => keyFile({ kdf: "argon2" })).toThrow(
      expect.objectContaining({ code: "unsupported" }) as Error,
    )
  })
})
