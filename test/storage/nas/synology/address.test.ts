import { describe, expect, it } from "vitest"
import { parseDsmAddress } from "../../../../storage/nas/synology/index.js"

const DIGITS = "ab".repeat(32)

describe("the address of DSM", () => {
  it.each([
    ["https://nas.example:5001", { host: "nas.example", port: 5001, secure: true }],
    ["https://nas.example/", { host: "nas.example", port: 443, secure: true }],
    ["https://[fd00::7]:5001", { host: "fd00::7", port: 5001, secure: true }],
    ["http://127.0.0.1:5000", { host: "127.0.0.1", port: 5000, secure: false }],
    ["http://[::1]:5000", { host: "::1", port: 5000, secure: false }],
    ["http://localhost:5000", { host: "localhost", port: 5000, secure: false }],
  ])("%s is read", (url, wanted) => {
    expect(parseDsmAddress(url)).toEqual({ ...wanted, fingerprint: undefined })
  })

  it.each([
    DIGITS,
    DIGITS.toUpperCase(),
    `sha256:${DIGITS}`,
    `SHA-256 ${"AB:".repeat(32).slice(0, -1)}`,
    ` ${"AB ".repeat(32)}`,
  ])("the fingerprint %j is one spelling of the same", (fingerprint) => {
    expect(parseDsmAddress("https://nas:5001", fingerprint).fingerprint).toBe(DIGITS)
  })

  it.each([
    "nas:5001",
    "",
    "ftp://nas:5001",
    "http://nas.example:5000",
    "http://10.0.0.1:5000",
    "http://localhost.example:5000",
    "https://nas:5001/webapi",
    "https://nas:5001/?a=b",
    "https://nas:5001/#a",
    "https://cistern:hunter2@nas:5001",
    "https://cistern@nas:5001",
    "hunter2",
  ])("%j is refused and not quoted", (url) => {
    let thrown: unknown
    try {
      parseDsmAddress(url)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: "invalid", hint: expect.stringContaining("https://") as string })
    expect(String(thrown)).not.toContain("hunter2")
  })

  it.each(["", "abc", DIGITS.slice(1), `${DIGITS}0`, `x${DIGITS.slice(1)}`])(
    "the fingerprint %j is refused",
    (fingerprint) => {
      expect(() => parseDsmAddress("https://nas:5001", fingerprint)).toThrow("64 hex digits")
    },
  )

  it("a fingerprint is refused where nothing is encrypted", () => {
    expect(() => parseDsmAddress("http://127.0.0.1:5000", DIGITS)).toThrow("without https")
  })
})
