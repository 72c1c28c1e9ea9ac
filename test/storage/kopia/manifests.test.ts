import fc from "fast-check"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { outranks, type IndexEntry } from "../../../storage/kopia/index-entry.js"
import { IndexView } from "../../../storage/kopia/index-view.js"
import {
  parseManifests,
  unzipManifests,
  type ManifestEntry,
} from "../../../storage/kopia/manifest-content.js"
import { ManifestView } from "../../../storage/kopia/manifest-view.js"
import { Sources } from "../../../storage/kopia/snapshot.js"

const stored = {
  id: "",
  source: { host: "media", userName: "sonarr", path: "/data" },
  description: "by hand",
  startTime: "2026-01-02T03:04:05.678Z",
  endTime: "2026-01-02T03:05:00.000000001Z",
  stats: { totalSize: 7, fileCount: 0, errorCount: 2 },
  rootEntry: { type: "d", obj: "k01", summ: { size: 12, files: 3, numFailed: 1 } },
  tags: { "tag:b": "2", "tag:a": "1" },
  pins: ["keep"],
}
const labels = { type: "snapshot", hostname: "media", username: "sonarr", path: "/data" }
const modified = "2026-01-02T03:05:01Z"

function parse(...entries: readonly unknown[]): ManifestEntry[] {
  return parseManifests(Buffer.from(JSON.stringify({ entries })), "q1.f", new Sources())
}
const listed = (data: object) => parse({ id: "a1", labels, modified, data })[0]?.snapshot

describe("a manifest", () => {
  it("of a snapshot carries its id outside", () => {
    expect(listed(stored)).toEqual({
      id: "a1",
      source: { user: "sonarr", host: "media", paths: ["/data"] },
      start: 1_767_323_045_678_000_000n,
      end: 1_767_323_100_000_000_001n,
      incomplete: undefined,
      root: "k01",
      bytes: 12,
      files: 3,
      failedFiles: 1,
      tags: ["a:1", "b:2"],
      pins: ["keep"],
      description: "by hand",
    })
  })

  it("of a single file counts that file", () => {
    const rootEntry = { type: "f", obj: "01", size: 9 }
    expect(listed({ ...stored, rootEntry })).toMatchObject({ bytes: 9, files: 1, failedFiles: 2 })
  })

  it("without a root falls back to the statistics", () => {
    const old = {
      source: stored.source,
      startTime: stored.startTime,
      stats: stored.stats,
      incomplete: "checkpoint",
    }
    expect(listed(old)).toMatchObject({
      root: undefined,
      end: undefined,
      bytes: 7,
      files: 0,
      incomplete: "checkpoint",
      tags: [],
      pins: [],
      description: "",
    })
  })

  it("with Go's zero time has no end", () => {
    expect(listed({ ...stored, endTime: "0001-01-01T00:00:00Z" })?.end).toBeUndefined()
  })

  it("of a policy says for whom and what is kept", () => {
    const [entry] = parse({
      id: "p1",
      modified,
      labels: { type: "policy", policyType: "user", hostname: "media", username: "sonarr" },
      data: { retention: { keepLatest: 3, keepAnnual: 0, ignoreIdenticalSnapshots: true }, noParent: true },
    })
    expect(entry?.policy).toEqual({
      id: "p1",
      target: { user: "sonarr", host: "media", path: "" },
      retention: { keepLatest: 3, keepAnnual: 0 },
      ignoreIdenticalSnapshots: true,
      noParent: true,
    })
  })

  it("of any other type is no snapshot and no failure", () => {
    const [entry] = parse({ id: "x", modified, labels: { type: "acl" }, data: { whatever: 1 } })
    expect(entry).toMatchObject({ id: "x", snapshot: undefined, policy: undefined })
  })

  it("that is deleted needs no labels and no data", () => {
    expect(parse({ id: "x", modified, labels: null, data: null, deleted: true })[0]).toMatchObject({
      deleted: true,
    })
  })

  it.each([
    ["no data", { id: "a", labels, modified }],
    ["no source", { id: "a", labels, modified, data: { ...stored, source: undefined } }],
    ["no start", { id: "a", labels, modified, data: { ...stored, startTime: undefined } }],
    ["a start that is no time", { id: "a", labels, modified, data: { ...stored, startTime: "soon" } }],
    ["a tag that is no text", { id: "a", labels, modified, data: { ...stored, tags: { a: 1 } } }],
    ["no time of its own", { id: "a", labels, data: stored }],
    ["no id", { labels, modified, data: stored }],
    ["a number in place of an object", 5],
  ])("of a snapshot with %s is corrupt: a list without it would be taken for whole", (_, entry) => {
    expect(() => parse(entry)).toThrow(expect.objectContaining({ code: "corrupt" }))
  })
})

describe("a content with manifests", () => {
  const zipped = gzipSync(Buffer.from('{"entries":[]}'))

  it("is unzipped", () => {
    expect(Buffer.from(unzipManifests(zipped, "q1.f")).toString()).toBe('{"entries":[]}')
  })

  for (let length = 0; length < zipped.length; length++) {
    it(`is corrupt when cut to ${length} bytes`, () => {
      expect(() => unzipManifests(zipped.subarray(0, length), "q1.f")).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      )
    })
  }
})

const versions = fc.record({
  id: fc.constantFrom("a", "b", "c", "d"),
  modified: fc.bigInt(0n, 6n),
  deleted: fc.boolean(),
})
const contents = fc.array(fc.array(versions, { maxLength: 4 }), { maxLength: 6 })

function asEntry({
  id,
  modified: at,
  deleted,
}: {
  id: string
  modified: bigint
  deleted: boolean
}): ManifestEntry {
  const snapshot = deleted ? undefined : listed(stored)
  return {
    id,
    modified: at,
    deleted,
    policy: undefined,
    snapshot: snapshot && { ...snapshot, id: `${id}${at}`, start: at },
  }
}

describe("manifests, merged", () => {
  it("are the same in whatever order their contents come, one by one or at once", () => {
    fc.assert(
      fc.property(contents, fc.infiniteStream(fc.nat()), (lists, choices) => {
        const named = lists.map((list, index) => [`m${index}`, list.map(asEntry)] as const)
        const shuffled = [...named].sort(() => (choices.next().value % 2 === 0 ? 1 : -1))
        const atOnce = new ManifestView()
        atOnce.update(new Map(named))
        const oneByOne = new ManifestView()
        for (let count = 1; count <= shuffled.length; count++)
          oneByOne.update(new Map(shuffled.slice(0, count)))
        expect(oneByOne.snapshots().map(({ id }) => id)).toEqual(atOnce.snapshots().map(({ id }) => id))
      }),
    )
  })

  it("are of each id the latest version, and none where that one says deleted", () => {
    fc.assert(
      fc.property(contents, (lists) => {
        const view = new ManifestView()
        view.update(new Map(lists.map((list, index) => [`m${index}`, list.map(asEntry)])))
        const expected = ["a", "b", "c", "d"].flatMap((id) => {
          const all = lists.flat().filter((version) => version.id === id)
          const last = all.reduce((latest, { modified: at }) => (at > latest ? at : latest), -1n)
          const exists = all.some((version) => version.modified === last && !version.deleted)
          return exists ? [`${id}${last}`] : []
        })
        expect(
          view
            .snapshots()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(expected.sort())
      }),
    )
  })

  it("forget what a content said that is gone", () => {
    const view = new ManifestView()
    const one = asEntry({ id: "a", modified: 1n, deleted: false })
    view.update(
      new Map([
        ["m1", [one]],
        ["m2", [asEntry({ id: "a", modified: 2n, deleted: true })]],
      ]),
    )
    expect(view.snapshots()).toEqual([])
    view.update(new Map([["m1", [one]]]))
    expect(view.snapshots()).toHaveLength(1)
  })
})

describe("index entries, merged", () => {
  const entries = fc.record({
    contentId: fc.constantFrom("ma", "mb"),
    timestamp: fc.nat(3),
    deleted: fc.boolean(),
    pack: fc.constantFrom("q1", "q2", "q3"),
  })
  const whole = (entry: Pick<IndexEntry, "contentId" | "timestamp" | "deleted" | "pack">): IndexEntry => ({
    ...entry,
    offset: 0,
    packedLength: 1,
    originalLength: 1,
    compression: 0,
    encryptionKeyId: 0,
  })
  const record = (list: readonly IndexEntry[]) => ({
    entryCount: list.length,
    manifests: list,
    witnesses: [],
  })

  it("let the one win that no other outranks, in whatever order they come", () => {
    fc.assert(
      fc.property(fc.array(entries, { minLength: 1, maxLength: 8 }), (list) => {
        const view = new IndexView()
        const all = list.map(whole)
        for (let count = 1; count <= all.length; count++) {
          view.update(new Map(all.slice(0, count).map((entry, index) => [`x${index}`, record([entry])])))
        }
        for (const id of new Set(all.map(({ contentId }) => contentId))) {
          const winner = view.winner(id)
          expect(winner).toBeDefined()
          for (const entry of all) {
            if (entry.contentId === id && winner !== undefined) expect(outranks(entry, winner)).toBe(false)
          }
        }
        expect(view.existing().every(({ deleted }) => !deleted)).toBe(true)
      }),
    )
  })

  it("prefer the later, then the one that is not deleted, then the pack that sorts last", () => {
    const entry = (timestamp: number, deleted: boolean, pack: string) =>
      whole({ contentId: "ma", timestamp, deleted, pack })
    expect(outranks(entry(2, true, "q1"), entry(1, false, "q2"))).toBe(true)
    expect(outranks(entry(2, false, "q1"), entry(2, true, "q2"))).toBe(true)
    expect(outranks(entry(2, true, "q2"), entry(2, true, "q1"))).toBe(true)
    expect(outranks(entry(2, true, "q1"), entry(2, true, "q1"))).toBe(false)
  })
})
