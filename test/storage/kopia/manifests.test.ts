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
import { ManifestBlock } from "../../../storage/kopia/manifest-block.js"
import { packManifests } from "../../../storage/kopia/manifest-layout.js"
import { ManifestView } from "../../../storage/kopia/manifest-view.js"
import { Sources } from "../../../storage/kopia/snapshot.js"
import { splitEntries } from "../../../storage/kopia/split-entries.js"

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
  return [...parseManifests(Buffer.from(JSON.stringify({ entries })), "q1.f", new Sources())]
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
    snapshot: snapshot && { ...snapshot, id, start: at },
  }
}

const sources = new Sources()

/** As it is kept: packed, and made objects of when looked at. */
function asBlock(entries: readonly ManifestEntry[]): ManifestBlock {
  const block = ManifestBlock.open(packManifests(entries), sources)
  if (block === undefined) throw new Error("packed manifests do not open")
  return block
}
const versionsOf = (view: ManifestView) => view.snapshots().map(({ id, start }) => `${id}${start}`)

describe("manifests, merged", () => {
  it("are the same in whatever order their contents come, one by one or at once", () => {
    fc.assert(
      fc.property(contents, fc.infiniteStream(fc.nat()), (lists, choices) => {
        const named = lists.map((list, index) => [`m${index}`, asBlock(list.map(asEntry))] as const)
        const shuffled = [...named].sort(() => (choices.next().value % 2 === 0 ? 1 : -1))
        const atOnce = new ManifestView()
        atOnce.update(new Map(named))
        const oneByOne = new ManifestView()
        for (let count = 1; count <= shuffled.length; count++)
          oneByOne.update(new Map(shuffled.slice(0, count)))
        expect(versionsOf(oneByOne)).toEqual(versionsOf(atOnce))
      }),
    )
  })

  it("are of each id the latest version, and none where that one says deleted", () => {
    fc.assert(
      fc.property(contents, (lists) => {
        const view = new ManifestView()
        view.update(new Map(lists.map((list, index) => [`m${index}`, asBlock(list.map(asEntry))])))
        const expected = ["a", "b", "c", "d"].flatMap((id) => {
          const all = lists.flat().filter((version) => version.id === id)
          const last = all.reduce((latest, { modified: at }) => (at > latest ? at : latest), -1n)
          const exists = all.some((version) => version.modified === last && !version.deleted)
          return exists ? [`${id}${last}`] : []
        })
        expect(versionsOf(view).sort()).toEqual(expected.sort())
      }),
    )
  })

  it("forget what a content said that is gone", () => {
    const view = new ManifestView()
    const one = asBlock([asEntry({ id: "a", modified: 1n, deleted: false })])
    view.update(
      new Map([
        ["m1", one],
        ["m2", asBlock([asEntry({ id: "a", modified: 2n, deleted: true })])],
      ]),
    )
    expect(view.snapshots()).toEqual([])
    view.update(new Map([["m1", one]]))
    expect(view.snapshots()).toHaveLength(1)
  })
})

describe("the snapshots of a source", () => {
  const block = (...list: readonly { id: string; modified: bigint; deleted: boolean }[]) =>
    asBlock(list.map(asEntry))

  it("are the same object while nothing of the source changes, and of their listing for ever", () => {
    const view = new ManifestView()
    const first = block({ id: "a", modified: 1n, deleted: false })
    view.update(new Map([["m1", first]]))
    const before = view.sources()
    const allBefore = view.asOfNow()
    view.update(
      new Map([
        ["m1", first],
        ["m2", asBlock(parse({ id: "x", modified, labels: { type: "acl" }, data: {} }))],
      ]),
    )
    expect(view.sources()[0]).toBe(before[0])
    view.update(new Map([["m3", block({ id: "b", modified: 2n, deleted: false })]]))
    expect(
      view
        .sources()[0]
        ?.snapshots()
        .map(({ id }) => id),
    ).toEqual(["b"])
    expect(before[0]?.snapshots().map(({ id }) => id)).toEqual(["a"])
    expect(allBefore().map(({ id }) => id)).toEqual(["a"])
  })

  it("have one signature before and after a compaction, and another with any other snapshot", () => {
    const signatureOf = (...blocks: readonly ManifestBlock[]) => {
      const view = new ManifestView()
      view.update(new Map(blocks.map((one, index) => [`m${index}`, one])))
      return view.sources()[0]?.signature
    }
    const a = { id: "a", modified: 1n, deleted: false }
    const b = { id: "b", modified: 2n, deleted: false }
    expect(signatureOf(block(a), block(b))).toBe(signatureOf(block(b, a)))
    expect(signatureOf(block(a, b))).not.toBe(signatureOf(block(a)))
    expect(signatureOf(block(a))).not.toBe(signatureOf(block({ ...a, modified: 3n })))
  })
})

describe("packed manifests", () => {
  const hash = fc.stringMatching(/^[0-9a-f]{32}$/)
  const instants = fc.bigInt(-62_135_596_800_000_000_000n, 253_402_300_799_999_999_999n)
  const counts = fc.option(fc.oneof(fc.nat(), fc.constant(2 ** 60)), { nil: undefined })
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.constant(""))
  const snapshots = fc.record({
    source: fc.record({ user: texts, host: texts, path: texts }),
    start: instants,
    end: fc.option(instants, { nil: undefined }),
    incomplete: fc.option(fc.constantFrom("checkpoint", "canceled"), { nil: undefined }),
    root: fc.oneof(
      texts,
      fc.constant(undefined),
      hash,
      hash.map((text) => `k${text}`),
      hash.map((text) => `Ik${text}`),
      hash.map((text) => `I${text}`),
    ),
    bytes: counts,
    files: counts,
    failedFiles: fc.nat(),
    tags: fc.array(texts, { maxLength: 2 }),
    pins: fc.array(texts, { maxLength: 2 }),
    description: texts,
  })
  const entries = fc
    .record({
      id: fc.oneof(hash, texts),
      modified: instants,
      deleted: fc.boolean(),
      snapshot: fc.option(snapshots, { nil: undefined }),
    })
    .map(({ snapshot, id, ...entry }): ManifestEntry => {
      if (snapshot === undefined) return { ...entry, id, policy: undefined, snapshot }
      const { user, host, path } = snapshot.source
      return {
        ...entry,
        id,
        policy: undefined,
        snapshot: { ...snapshot, id, source: { user, host, paths: [path] } },
      }
    })

  it("say what they said", () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 5 }), (list) => {
        const block = asBlock(list)
        expect(block.count).toBe(list.length)
        list.forEach((entry, row) => {
          expect(block.idOf(row)).toBe(entry.id)
          expect(block.isDeleted(row)).toBe(entry.deleted)
          expect(block.sourceOf(row)).toEqual(entry.snapshot?.source)
          if (entry.snapshot !== undefined) expect(block.snapshotAt(row)).toEqual(entry.snapshot)
          list.forEach((other, otherRow) => {
            expect(block.hasIdOf(row, block, otherRow)).toBe(entry.id === other.id)
            expect(Math.sign(block.compareModified(row, block, otherRow))).toBe(
              entry.modified === other.modified ? 0 : entry.modified < other.modified ? -1 : 1,
            )
          })
        })
      }),
    )
  })

  it("keep policies", () => {
    const data = { retention: { keepLatest: 3 } }
    const [entry, ...none] = parse({ id: "p1", modified, labels: { type: "policy" }, data })
    expect(none).toEqual([])
    expect(asBlock(entry === undefined ? [] : [entry]).policyAt(0)).toEqual(entry?.policy)
  })

  it("are not opened when they were cut or changed into anything else", () => {
    const packed = packManifests(parse({ id: "a1", labels, modified, data: stored }))
    for (let length = 0; length < packed.length; length++)
      expect(ManifestBlock.open(packed.subarray(0, length), new Sources())).toBeUndefined()
    expect(ManifestBlock.open(Buffer.from("{}"), new Sources())).toBeUndefined()
    const pointingNowhere = Buffer.from(packed)
    pointingNowhere.writeUInt32LE(7, 8 + 84)
    expect(ManifestBlock.open(pointingNowhere, new Sources())).toBeUndefined()
  })
})

describe("the entries of a content", () => {
  it("are found one by one as they are in the whole", () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), (list) => {
        const json = Buffer.from(JSON.stringify({ entries: list }) + "\n")
        const found = splitEntries(json)?.map(
          ([start, end]) => JSON.parse(json.toString("utf8", start, end)) as unknown,
        )
        expect(found).toEqual(JSON.parse(JSON.stringify(list)))
      }),
    )
  })

  it.each([
    ['{"entries":null}'],
    ['{ "entries":[{}]}'],
    ['{"entries":[{},]}'],
    ['{"entries":[{} {}]}'],
    ['{"entries":[5]}'],
    ['{"entries":[{}]'],
    ['{"entries":[{"a":"}'],
    ['{"entries":[{}],"entries":[]}'],
    ['{"entries":[{}]}}'],
  ])("are left to the parser of the whole where they are written as %s", (text) => {
    expect(splitEntries(Buffer.from(text))).toBeUndefined()
  })

  it.each(['{"entries":[{"id":}]}', '{"entries":[{"id":"a"]}]}', '{"entries":[{}', '{"entries":[{},]}'])(
    "that are no JSON are corrupt: %s",
    (text) => {
      expect(() => [...parseManifests(Buffer.from(text), "q1.f", new Sources())]).toThrow(
        expect.objectContaining({ code: "corrupt" }),
      )
    },
  )
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
