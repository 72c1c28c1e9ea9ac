import { describe, expect, it } from "vitest"
import { parseFormatBlob } from "../../../storage/kopia/format-blob.js"
import {
  isLocked,
  parseRepositoryFormat,
  refuseUnreadable,
} from "../../../storage/kopia/repository-format.js"
import { parseTime } from "../../../storage/instant.js"

const base64 = Buffer.alloc(32, 1).toString("base64")
const format = {
  version: 3,
  hash: "BLAKE2B-256-128",
  encryption: "AES256-GCM-HMAC-SHA256",
  secret: base64,
  masterKey: base64,
  epochParameters: { Enabled: true },
}
const parse = (changes: object) =>
  parseRepositoryFormat(Buffer.from(JSON.stringify({ format: { ...format, ...changes } })), "k.f")
const noon = parseTime("2026-01-01T12:00:00Z").instant
const open = (changes: object) => {
  refuseUnreadable(parse(changes), "k.f", noon)
}

describe("the format of a repository", () => {
  it("is read with what old writers leave out", () => {
    const old = parse({ version: 1, secret: undefined, epochParameters: undefined })
    expect(old).toMatchObject({ version: 1, epochs: false, ecc: undefined, upgradeLock: undefined })
    expect(old.secret).toHaveLength(0)
  })

  it("names its error correction only where that has any overhead", () => {
    expect(parse({ ecc: "REED-SOLOMON-CRC32", eccOverheadPercent: 4 }).ecc).toEqual({
      algorithm: "REED-SOLOMON-CRC32",
      overheadPercent: 4,
    })
    expect(parse({ ecc: "REED-SOLOMON-CRC32" }).ecc).toBeUndefined()
  })

  it.each([1, 2, 3])("is read in version %i", (version) => {
    expect(() => {
      open({ version })
    }).not.toThrow()
  })

  it.each([
    ["format version 4 is not known", { version: 4 }],
    ["format version 0 is not known", { version: 0 }],
    ['the repository requires "index-v9"', { requiredFeatures: [{ feature: "index-v9" }] }],
    ['its error correction is "XOR"', { ecc: "XOR", eccOverheadPercent: 1 }],
  ])("is refused: %s", (message, changes) => {
    expect(() => {
      open(changes)
    }).toThrow(expect.objectContaining({ code: "unsupported", message: `k.f: ${message}` }))
  })

  it("may require what is known, or what its writer lets old programs ignore", () => {
    const requiredFeatures = [
      { feature: "index-v2" },
      { feature: "sparkles", ifNotUnderstood: { warn: true, message: "pretty" } },
    ]
    expect(() => {
      open({ requiredFeatures })
    }).not.toThrow()
  })

  it.each([{ masterKey: "" }, { masterKey: "?" }, { masterKey: undefined }, { hash: 1 }, { version: "3" }])(
    "is corrupt as %j",
    (changes) => {
      expect(() => parse(changes)).toThrow(expect.objectContaining({ code: "corrupt" }))
    },
  )
})

describe("the lock of an upgrade", () => {
  const hour = 3_600_000_000_000n
  const created = noon - 2n * hour
  const upgradeLock = {
    ownerID: "nas",
    creationTime: "2026-01-01T10:00:00Z",
    ioDrainTimeout: Number(hour / 4n),
    maxPermittedClockDrift: 0,
  }

  it("holds at once without an advance notice", () => {
    expect(isLocked({ ownerId: "", created, advanceNotice: 0n, drain: hour }, created)).toBe(true)
  })

  it("holds from one drain before the notice ends", () => {
    const lock = { ownerId: "", created, advanceNotice: 3n * hour, drain: hour }
    expect(isLocked(lock, created + 2n * hour - 1n)).toBe(false)
    expect(isLocked(lock, created + 2n * hour)).toBe(true)
  })

  it("keeps the repository closed, and says who holds it", () => {
    expect(() => {
      open({ upgradeLock })
    }).toThrow(
      expect.objectContaining({ code: "upgrading", message: expect.stringContaining('"nas"') as string }),
    )
    expect(() => {
      open({ upgradeLock: { ...upgradeLock, advanceNoticeDuration: Number(3n * hour) } })
    }).not.toThrow()
  })
})

describe("the format blob", () => {
  const blob = {
    uniqueID: base64,
    keyAlgo: "scrypt-65536-8-1",
    encryption: "AES256_GCM",
    encryptedBlockFormat: base64,
  }
  const text = JSON.stringify(blob)
  const bytes = (changes: object) => Buffer.from(JSON.stringify({ ...blob, ...changes }))

  it("is read", () => {
    expect(parseFormatBlob(bytes({}), "k.f")).toMatchObject({ keyAlgorithm: "scrypt-65536-8-1" })
  })

  it("is refused by name under an encryption that is not known", () => {
    expect(() => parseFormatBlob(bytes({ encryption: "ROT13" }), "k.f")).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: 'k.f: its encryption is "ROT13", not AES256_GCM',
      }),
    )
  })

  it("is corrupt when it is cut anywhere", () => {
    for (let length = 0; length < text.length; length++) {
      expect(() => parseFormatBlob(Buffer.from(text.slice(0, length)), "k.f")).toThrow(
        expect.objectContaining({ code: "corrupt", facts: { file: "k.f" } }),
      )
    }
  })

  it.each([{ uniqueID: "" }, { uniqueID: "!" }, { encryptedBlockFormat: "AAAA" }, { keyAlgo: null }])(
    "is corrupt with %j",
    (changes) => {
      expect(() => parseFormatBlob(bytes(changes), "k.f")).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      )
    },
  )
})
