import { describe, expect, it } from "vitest"
import { type FileState, judge } from "../../../storage/scrub/judge.js"
import type { BlobRecord } from "../../../storage/scrub/ledger.js"
import { type Errand, type Look, lookTwice } from "../../../storage/scrub/look.js"
import type { FailedReading, Reading } from "../../../storage/scrub/read-file.js"
import { batches, selectDue } from "../../../storage/scrub/select.js"
import type { StoredFile } from "../../../storage/scrub/stored-file.js"

const DAY = 86_400_000
const NOW = 1_000 * DAY

const good: Reading = { sha256: "good", length: 9, hasZeroPage: false, modified: 1n, held: true }
const bad: Reading = { ...good, sha256: "bad" }
const errand: Errand = { path: "p", sha256: "good", ifModified: undefined, sealed: true }

function look(
  errand: Errand,
  ...readings: readonly (Reading | FailedReading)[]
): Look & { readings?: number } {
  const left = [...readings]
  const found = lookTwice(errand, () => left.shift() ?? bad)
  expect(left).toEqual([])
  return found
}

describe("a look at a file", () => {
  it("reads once what is right", () => {
    expect(look(errand, good)).toEqual({ kind: "read", reading: good, is: "right", unsteady: false })
  })

  it("calls nothing wrong that the second reading finds right, and says that the first one was not", () => {
    expect(look(errand, bad, good)).toMatchObject({ is: "right", unsteady: true })
    expect(look(errand, { code: "io" }, good)).toMatchObject({ is: "right", unsteady: true })
  })

  it("tells a mismatch from a read error, and both from a file that is gone", () => {
    expect(look(errand, bad, bad)).toMatchObject({ kind: "read", is: "wrong", unsteady: false })
    expect(look(errand, { code: "io" }, { code: "io" })).toEqual({ kind: "failed", code: "io" })
    expect(look(errand, bad, { code: "missing" })).toEqual({ kind: "gone" })
    expect(look(errand, { code: "missing" })).toEqual({ kind: "gone" })
    expect(look(errand, { code: "unreadable" }, { code: "unreadable" })).toMatchObject({ code: "unreadable" })
    expect(look(errand, { code: "stopped" })).toEqual({ kind: "stopped" })
    expect(look(errand, bad, { code: "stopped" })).toEqual({ kind: "stopped" })
  })

  it("sees that a file is being written: longer, later, or changed while it was read", () => {
    expect(look(errand, bad, { ...bad, length: 10 })).toEqual({ kind: "changing" })
    expect(look(errand, bad, { ...bad, modified: 2n })).toEqual({ kind: "changing" })
    expect(look(errand, bad, { ...bad, held: false })).toEqual({ kind: "changing" })
    const unknown = { ...errand, sha256: undefined }
    expect(look(unknown, { ...bad, held: false }, { ...bad, held: false })).toEqual({ kind: "changing" })
  })

  it("takes a new time of a file that the engine writes again for a new file", () => {
    const again = { ...errand, ifModified: 1n }
    expect(look(again, { ...bad, modified: 2n })).toMatchObject({ kind: "read", is: "new" })
    expect(look(again, bad, bad)).toMatchObject({ kind: "read", is: "wrong" })
  })

  it("never takes for new what no encrypted file can be", () => {
    const unknown = { ...errand, sha256: undefined }
    expect(look(unknown, { ...good, length: 0 }, { ...good, length: 0 })).toMatchObject({ is: "wrong" })
    expect(look(unknown, { ...good, hasZeroPage: true }, { ...good, hasZeroPage: true })).toMatchObject({
      is: "wrong",
    })
    expect(look({ ...unknown, sealed: false }, { ...good, hasZeroPage: true })).toMatchObject({ is: "new" })
  })
})

describe("the judgement", () => {
  const at = (modified: bigint, reading: Partial<Reading> = {}): Look => ({
    kind: "read",
    reading: { ...bad, modified, ...reading },
    is: "wrong",
    unsteady: false,
  })
  const young = BigInt(NOW - 1000) * 1_000_000n
  const state: FileState = { length: 9, modified: young }

  it("waits with a young file until it has settled, and never with an old one or one of the future", () => {
    expect(judge(undefined, at(young), { now: NOW })).toEqual({ kind: "unsettled", as: state })
    expect(judge(undefined, at(young), { now: NOW, earlier: state })).toEqual({
      kind: "bad",
      code: "corrupt",
    })
    expect(judge(undefined, at(1n), { now: NOW })).toEqual({ kind: "bad", code: "corrupt" })
    const future = BigInt(NOW + DAY) * 1_000_000n
    expect(judge(undefined, at(future), { now: NOW })).toEqual({ kind: "bad", code: "corrupt" })
  })

  it("goes on waiting for a file that has grown meanwhile", () => {
    const grown = at(young, { length: 20 })
    expect(judge(undefined, grown, { now: NOW, earlier: state })).toMatchObject({ kind: "unsettled" })
  })

  it.each([
    ["io", { kind: "bad", code: "io" }],
    ["corrupt", { kind: "bad", code: "corrupt" }],
    ["unreadable", { kind: "unread", code: "unreadable" }],
    ["timeout", { kind: "unread", code: "timeout" }],
  ] as const)("says of a reading that failed with %s: %j", (code, verdict) => {
    expect(judge(undefined, { kind: "failed", code }, { now: NOW })).toEqual(verdict)
  })
})

describe("what is due", () => {
  const file = (path: string, inode: number, more: Partial<StoredFile> = {}): StoredFile => ({
    path,
    inode: BigInt(inode),
    length: 9,
    modified: 1n,
    sha256: undefined,
    rewritten: false,
    oftenRewritten: false,
    sealed: true,
    ...more,
  })
  const record = (daysAgo: number): BlobRecord => ({
    sha256: "good",
    length: 9,
    modified: 1n,
    firstSeen: 0,
    lastChecked: NOW - daysAgo * DAY,
  })
  const records: Readonly<Record<string, BlobRecord>> = {
    a: record(1),
    b: record(30),
    c: record(40),
    d: record(30.1),
  }
  const due = (files: readonly StoredFile[], since: number): string =>
    selectDue(files, (path) => records[path], since)
      .due.map(({ path }) => path)
      .join("")

  it("is what was never read, then the oldest, and within a day as it lies on the disk", () => {
    const files = [file("a", 1), file("b", 9), file("c", 7), file("d", 3), file("y", 6), file("x", 5)]
    expect(due(files, NOW)).toBe("xycbda".replace("bd", NOW % DAY === 0 ? "db" : "bd"))
    expect(due(files, NOW - 20 * DAY)).toHaveLength(5)
    expect(selectDue(files, (path) => records[path], NOW - 20 * DAY).skipped).toBe(1)
    // New files alone.
    expect(due(files, -Infinity)).toBe("xy")
  })

  it("is also what has another length or time than it had when it was proven", () => {
    expect(due([file("a", 1), file("b", 2, { length: 8 }), file("c", 3, { modified: 2n })], -Infinity)).toBe(
      "cb",
    )
  })

  it("is handed out in pieces that are neither long nor many", () => {
    const small = Array.from({ length: 130 }, (_, at) => file(`s${at}`, at))
    expect([...batches(small)].map(({ length }) => length)).toEqual([64, 64, 2])
    const large = Array.from({ length: 5 }, (_, at) => file(`l${at}`, at, { length: 900 * 1024 }))
    expect([...batches(large)].map(({ length }) => length)).toEqual([1, 1, 1, 1, 1])
    expect([...batches([])]).toEqual([])
  })
})
