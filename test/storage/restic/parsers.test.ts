import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/errors.js"
import { parseTime } from "../../../storage/instant.js"
import { parseIndex } from "../../../storage/restic/index-file.js"
import { parseKeyFile } from "../../../storage/restic/key-file.js"
import { parseLock } from "../../../storage/restic/lock-file.js"
import { parseSnapshot } from "../../../storage/restic/snapshot-file.js"

const ID = "ab".repeat(32)
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const thrown = (code: string, file: string) =>
  expect.objectContaining({ code, facts: expect.objectContaining({ file }) as unknown }) as Error

const snapshot = { time: "2026-11-20T03:00:00.123456789+01:00", tree: ID, paths: ["/data"] }
const blob = { id: ID, type: "data", offset: 10, length: 100, uncompressed_length: 300 }

describe("parseSnapshot", () => {
  const parse = (changes: object) => parseSnapshot(json({ ...snapshot, ...changes }), ID)

  it("needs no more than time and tree", () => {
    expect(parseSnapshot(json({ time: snapshot.time, tree: ID, paths: null }), ID)).toEqual({
      id: ID,
      source: { user: "", host: "", paths: [] },
      start: parseTime("2026-11-20T02:00:00.123456789Z").instant,
      end: undefined,
      incomplete: undefined,
      root: ID,
      bytes: undefined,
      files: undefined,
      failedFiles: 0,
      tags: [],
      pins: [],
      description: "",
    })
  })

  it("sorts tags and paths, and ignores fields that it does not know", () => {
    const parsed = parse({ tags: ["b", "a"], paths: ["/b", "/a"], from_the_future: { x: 1 } })
    expect(parsed).toMatchObject({ tags: ["a", "b"], source: { paths: ["/a", "/b"] } })
  })

  it("takes the sizes of a summary that has no times", () => {
    const summary = {
      backup_start: "0001-01-01T00:00:00Z",
      backup_end: "0001-01-01T00:00:00Z",
      total_files_processed: 5,
      total_bytes_processed: 1234,
    }
    expect(parse({ summary })).toMatchObject({ end: undefined, files: 5, bytes: 1234 })
  })

  for (const [name, changes] of Object.entries({
    "no time": { time: undefined },
    "a time that is none": { time: "yesterday" },
    "no tree": { tree: null },
    "a tree that is no id": { tree: "7" },
    "paths that are no list": { paths: "/data" },
    "tags that are numbers": { tags: [1] },
    "a summary that is no object": { summary: 7 },
    "an end that is no time": { summary: { backup_end: "later" } },
    "a negative size": { summary: { total_bytes_processed: -1 } },
    "half a file": { summary: { total_files_processed: 0.5 } },
  })) {
    it(`calls ${name} corrupt`, () => {
      expect(() => parse(changes)).toThrow(thrown("corrupt", `snapshots/${ID}`))
    })
  }
})

describe("parseIndex", () => {
  const parse = (value: unknown) => parseIndex(json(value), ID)

  it("reads packs and blobs, compressed and not", () => {
    const plain = { id: ID, type: "tree", offset: 0, length: 10 }
    expect(parse({ supersedes: [ID], packs: [{ id: ID, blobs: [blob, plain] }] })).toEqual([
      {
        id: ID,
        blobs: [
          { id: ID, type: "data", offset: 10, length: 100, plainLength: 300 },
          { id: ID, type: "tree", offset: 0, length: 10, plainLength: undefined },
        ],
      },
    ])
  })

  it("reads an index without packs", () => {
    expect(parse({ packs: null })).toEqual([])
    expect(parse({ packs: [{ id: ID, blobs: null }] })).toEqual([{ id: ID, blobs: [] }])
  })

  it("refuses the list of restic before 0.2 by name", () => {
    expect(() => parse([])).toThrow(/restic before 0\.2/)
  })

  for (const changes of [
    { id: "x" },
    { type: 1 },
    { offset: -1 },
    { length: 2 ** 32 },
    { uncompressed_length: 0.5 },
  ]) {
    it(`calls a blob with ${JSON.stringify(changes)} corrupt`, () => {
      const packs = [{ id: ID, blobs: [{ ...blob, ...changes }] }]
      expect(() => parse({ packs })).toThrow(thrown("corrupt", `index/${ID}`))
    })
  }

  it("refuses a type of blob that it does not know", () => {
    expect(() => parse({ packs: [{ id: ID, blobs: [{ ...blob, type: "lace" }] }] })).toThrow(
      thrown("unsupported", `index/${ID}`),
    )
  })
})

describe("parseLock", () => {
  it("reads who holds it", () => {
    const lock = {
      time: "2026-11-20T03:00:00Z",
      exclusive: true,
      hostname: "h",
      username: "u",
      pid: 7,
      uid: 1,
    }
    expect(parseLock(json(lock), ID)).toEqual({
      time: parseTime(lock.time).instant,
      exclusive: true,
      host: "h",
      user: "u",
      pid: 7,
    })
  })

  it("calls a lock without a time corrupt", () => {
    expect(() => parseLock(json({ exclusive: true }), ID)).toThrow(thrown("corrupt", `locks/${ID}`))
  })
})

describe("every parser", () => {
  const parsers: Record<string, (bytes: Uint8Array) => unknown> = {
    snapshot: (bytes) => parseSnapshot(bytes, ID),
    index: (bytes) => parseIndex(bytes, ID),
    lock: (bytes) => parseLock(bytes, ID),
    "key file": (bytes) => parseKeyFile(bytes, ID),
  }
  const seeds: unknown[] = [
    { ...snapshot, tags: ["a"], summary: { backup_end: snapshot.time, total_bytes_processed: 1 } },
    { packs: [{ id: ID, blobs: [blob] }] },
    { time: snapshot.time, exclusive: true, hostname: "h", pid: 1 },
    { kdf: "scrypt", N: 1024, r: 8, p: 1, salt: Buffer.alloc(64).toString("base64"), data: "AAAA" },
  ]

  for (const [name, parse] of Object.entries(parsers)) {
    const staysTyped = (bytes: Uint8Array) => {
      try {
        parse(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError)
        expect((error as StorageError).facts["file"]).toMatch(new RegExp(`^\\w+/${ID}$`))
      }
    }

    it(`of a ${name} throws nothing but a StorageError that names the file, whatever the JSON`, () => {
      const anything = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text))
      fc.assert(fc.property(anything, staysTyped))
      fc.assert(fc.property(fc.uint8Array(), staysTyped))
    })

    it(`of a ${name} throws nothing else for a good file with one value exchanged or bytes changed`, () => {
      const changedValue = fc
        .tuple(fc.constantFrom(...seeds), fc.nat(), fc.jsonValue({ maxDepth: 2 }))
        .map(([seed, at, value]) => {
          const fields = Object.entries(seed as object)
          return json(
            Object.fromEntries(
              fields.map((field, i) => (i === at % fields.length ? [field[0], value] : field)),
            ),
          )
        })
      fc.assert(fc.property(changedValue, staysTyped))
      const changedBytes = fc
        .tuple(fc.constantFrom(...seeds), fc.nat(), fc.nat(255))
        .map(([seed, at, value]) => {
          const bytes = json(seed)
          bytes.writeUInt8(value, at % bytes.length)
          return bytes
        })
      fc.assert(fc.property(changedBytes, staysTyped))
    })
  }
})
