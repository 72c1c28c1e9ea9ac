import { describe, expect, it } from "vitest"
import { contentIv, createContentCipher } from "../../../storage/kopia/content-cipher.js"
import { decryptFormatBlob } from "../../../storage/kopia/format-blob.js"
import { deriveFormatKey } from "../../../storage/kopia/format-key.js"
import { Secret } from "../../../storage/secret.js"

const ascending = (first: number, last: number) =>
  Uint8Array.from({ length: last - first + 1 }, (_, index) => first + index)
const uniqueId = ascending(0x00, 0x1f)
const masterKey = ascending(0x20, 0x3f)
const hex = (text: string) => Buffer.from(text, "hex")
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

describe("the key of the format block", () => {
  const scryptKey = "c25bccae074678f4ce6443ce46b56229e112e00ee0e52a53ff3ab35aeec3bac7"

  it.each([
    ["scrypt-65536-8-1", scryptKey],
    ["pbkdf2-sha256-600000", "8aba72dadfcd3b59e16a4f57d805f18dcf81b29fa8c9046e8fa8a899ea4f1248"],
  ])("is stretched by %s", async (algorithm, expected) => {
    const key = await deriveFormatKey(algorithm, new Secret("test-password"), uniqueId, "f")
    expect(Buffer.from(key).toString("hex")).toBe(expected)
  })

  it("comes from a password without the white space around it, as the engine's command line takes it", async () => {
    const key = await deriveFormatKey(
      "scrypt-65536-8-1",
      new Secret(" \u00a0test-password\r\n"),
      uniqueId,
      "f",
    )
    expect(Buffer.from(key).toString("hex")).toBe(scryptKey)
  })

  it("refuses a derivation that it does not know, by name", async () => {
    await expect(deriveFormatKey("scrypt-1-1-1", new Secret("x"), uniqueId, "f")).rejects.toMatchObject({
      code: "unsupported",
      message: 'f: its key derivation is "scrypt-1-1-1"',
    })
  })

  const ciphertext = hex("000102030405060708090a0bde8813760cec5aa0bd2d7f45b39bb597e1c800939abc468923794ed4ad")
  const blob = { uniqueId, keyAlgorithm: "scrypt-65536-8-1", ciphertext }

  it("opens the format block", () => {
    expect(text(decryptFormatBlob(blob, hex(scryptKey)) ?? Buffer.of())).toBe('{"format":{}}')
  })

  it("opens nothing else", () => {
    const other = hex(scryptKey).fill(0, 0, 1)
    expect(decryptFormatBlob(blob, other)).toBeUndefined()
  })
})

describe("the cipher of contents", () => {
  const contentId = "f9cbfd617f9e6dd17aa0669f7d084312"
  const stored = {
    "AES256-GCM-HMAC-SHA256":
      "000102030405060708090a0bc9136e816fc73ee2ce8d34150e63e11b2d031f6bbd51e579c2878c",
    "CHACHA20-POLY1305-HMAC-SHA256":
      "000102030405060708090a0b0e783ec3cbc49d75d273c8088c358f47ca66a0ee425503094fb979",
  }
  const published = {
    "AES256-GCM-HMAC-SHA256": "e43ba07f85a6d70c5f1102ca06cf19c597e5f91e527b21f00fb76e8bec3fd1",
    "CHACHA20-POLY1305-HMAC-SHA256": "118359f3d4d589d939efbbc3168ae4c77c51bcebce6845fe6ef5d11342faa6",
  }
  const names = ["AES256-GCM-HMAC-SHA256", "CHACHA20-POLY1305-HMAC-SHA256"] as const

  it.each(names)("opens %s under the last 16 bytes of the content's hash", (name) => {
    const cipher = createContentCipher(name, masterKey)
    expect(text(cipher(contentIv(contentId, "c"), hex(stored[name]), "c"))).toBe("hello kopia")
    expect(text(cipher(contentIv("m00" + contentId, "c"), hex(stored[name]), "c"))).toBe("hello kopia")
  })

  it.each(names)("opens the sample that the engine publishes for %s", (name) => {
    const cipher = createContentCipher(name, Buffer.from("01234567890123456789012345678901"))
    const iv = Buffer.from("aabbccddeeffgghhiijjkkllmmnnoopp")
    expect(text(cipher(iv, hex(published[name]), "c"))).toBe("foo")
  })

  it.each(names)("rejects a flipped bit at every byte of %s, and every other name", (name) => {
    const cipher = createContentCipher(name, masterKey)
    const iv = contentIv(contentId, "c")
    for (let at = 0; at < hex(stored[name]).length; at++) {
      const damaged = hex(stored[name])
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(() => cipher(iv, damaged, "c")).toThrow(expect.objectContaining({ code: "corrupt" }))
    }
    expect(() => cipher(contentIv("0".repeat(32), "c"), hex(stored[name]), "c")).toThrow("do not decrypt")
  })

  it.each(names)("rejects %s cut at every length", (name) => {
    const cipher = createContentCipher(name, masterKey)
    for (let length = 0; length < hex(stored[name]).length; length++) {
      expect(() => cipher(contentIv(contentId, "c"), hex(stored[name]).subarray(0, length), "c")).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      )
    }
  })

  it.each(["NONE", "AES-256-CTR", "SALSA20-HMAC", "toString"])("refuses %s by name", (name) => {
    expect(() => createContentCipher(name, masterKey)).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: `the repository's encryption is ${JSON.stringify(name)}`,
      }),
    )
  })
})
