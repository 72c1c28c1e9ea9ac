import { afterEach, describe, expect, it } from "vitest"
import {
  AnomalyMemoryTable,
  DrillTable,
  openDatabase,
  SnapshotIntegrityTable,
  type StateDatabase,
} from "../../../../server/db/index.js"
import { type FindingsRoom, openFindings, SnapshotIntegrity } from "../../../../server/findings/index.js"
import { forgetUndeclared } from "../../../../server/reading/index.js"
import { keepReport, scopesOf, tellUnknown } from "../../../../server/reading/verify/keep-report.js"
import { outcomeOf, shortfallOf } from "../../../../server/reading/verify/verify-outcome.js"
import { reportOf } from "../../../../server/reading/verify/verify-report.js"
import type { Snapshot } from "../../../../storage/index.js"
import { StorageError } from "../../../../storage/index.js"
import type { BadBlob, VerifiedSnapshot, VerifyResult } from "../../../../storage/verify/index.js"
import { scratch } from "../../../support/fixtures.js"

const opened: StateDatabase[] = []
afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

const PLACE = "tank:kopia"

function desk() {
  const database = openDatabase(scratch())
  opened.push(database)
  const integrity = new SnapshotIntegrity(new SnapshotIntegrityTable(database.connection))
  const quiet = { info: () => undefined, warn: () => undefined }
  const room = openFindings(database, { now: () => 1_800_000_000_000, log: quiet })
  const parts = { integrity, findings: room.findings, volumesIn: () => [], volumesOf: () => [] }
  const keep = (result: VerifyResult) =>
    keepReport(parts, { place: PLACE, directory: "/mnt/kopia" }, reportOf(result, "run-1"))
  return { database, integrity, room, parts, keep }
}

const source = { user: "data", host: "home", paths: ["/data"] }
const snapshot = (n: number) =>
  ({ id: `s${n}`, start: BigInt(n) * 1_000_000_000n, root: `k${n}`, source, tags: [] }) as unknown as Snapshot
const one = (n: number, reasons: readonly string[] = []): VerifiedSnapshot => ({
  snapshot: snapshot(n),
  ok: reasons.length === 0,
  level: "read",
  damaged: reasons.map((code) => ({ path: Buffer.from(`db-${code}`), code })),
  beyond: 0,
  reasons,
})
const counts = {
  contents: 9,
  read: 9,
  remembered: 0,
  bytesRead: 9,
  oldestReadingDays: 0,
  directories: 1,
  rounds: 1,
}

function result(more: Partial<VerifyResult> = {}, bad: readonly BadBlob[] = []): VerifyResult {
  const usual = {
    engine: "kopia",
    repositoryId: "id",
    level: "read",
    at: 1_000,
    badBeyond: 0,
    unindexed: [],
    counts,
  } as const
  return { ...usual, ok: true, snapshots: [one(1), one(2), one(3)], bad, ...more }
}

const codes = (room: FindingsRoom) =>
  room.views
    .list({})
    .findings.map(({ code }) => code)
    .sort()

describe("of what a verify found", () => {
  it("each snapshot is kept by what the ledger calls it, with depth and time, and what is gone is forgotten", async () => {
    const { integrity, keep } = desk()
    await keep(result())
    expect(integrity.proofOf(PLACE, snapshot(1))).toEqual({ level: "read", at: 1_000 })
    expect(integrity.of(PLACE, "data@home:/data", 10).map(({ engineId }) => engineId)).toEqual([
      "s3",
      "s2",
      "s1",
    ])
    await keep(result({ at: 2_000, level: "reachable", snapshots: [one(2), one(3, ["missing"])] }))
    expect(integrity.proofOf(PLACE, snapshot(1))).toBeUndefined()
    expect(integrity.proofOf(PLACE, snapshot(2))).toEqual({ level: "read", at: 1_000 })
    expect(integrity.damageOf(PLACE, snapshot(3))).toMatchObject({
      reasons: ["missing"],
      sample: ["/db-missing"],
      run: "run-1",
    })
    expect(integrity.newestProof(PLACE, "data@home:/data")).toEqual({ verified: 2_000, drilled: undefined })
  })

  it("damage that is seen without reading may be taken back without reading, and no other", async () => {
    const { integrity, keep } = desk()
    await keep(
      result({
        snapshots: [one(1, ["missing", "not_indexed"]), one(2, ["corrupt"]), one(3, ["corrupt", "missing"])],
      }),
    )
    await keep(result({ at: 2_000, level: "reachable" }))
    expect([1, 2, 3].map((n) => integrity.damageOf(PLACE, snapshot(n))?.reasons)).toEqual([
      undefined,
      ["corrupt"],
      ["corrupt", "missing"],
    ])
  })

  it("what could only not be read is neither proof nor damage, is told, and makes the run fail", async () => {
    const { integrity, room, keep } = desk()
    const found = result({ ok: false, snapshots: [one(1), one(2, ["io"])] }, [
      { blob: "p1", code: "io", contents: 3 },
    ])
    await keep(found)
    expect(integrity.damageOf(PLACE, snapshot(2))).toBeUndefined()
    expect(integrity.proofOf(PLACE, snapshot(2))).toBeUndefined()
    expect(integrity.proofOf(PLACE, snapshot(1))).toMatchObject({ level: "read" })
    expect(codes(room)).toEqual(["blobs_io"])
    expect(shortfallOf(reportOf(found, "r").summary)).toMatchObject({ code: "io" })
  })

  it("files that are damaged and needed are told by their snapshots alone", async () => {
    const { room, keep } = desk()
    const found = result({ ok: false, snapshots: [one(1, ["missing"])] }, [
      { blob: "p1", code: "missing", contents: 3 },
    ])
    await keep(found)
    expect(codes(room)).toEqual([])
    expect(outcomeOf(reportOf(found, "r").summary)).toMatchObject({
      outcome: "findings",
      message: "1 of 1 snapshots are damaged",
    })
  })

  it("what only reading shows is not gone when nothing was read, and is when it was", async () => {
    const { room, keep } = desk()
    const bad: BadBlob[] = [
      { blob: "p1", code: "damaged_end", contents: 0 },
      { blob: "p2", code: "wrong_length", contents: 0 },
    ]
    const unindexed = [{ blob: "p3", bytes: 10 }]
    await keep(result({ ok: false, unindexed }, bad))
    expect(codes(room)).toEqual(["blobs_damaged_end", "blobs_wrong_length", "packs_not_indexed"])
    await keep(result({ level: "reachable" }))
    expect(codes(room)).toEqual(["blobs_damaged_end"])
    await keep(result())
    expect(codes(room)).toEqual([])
  })

  it("an index that cannot be read is told, and forgets no snapshot when nothing could be listed", async () => {
    const { integrity, room, keep } = desk()
    await keep(result())
    const problem = new StorageError("corrupt", "index/7 does not authenticate", {
      facts: { file: "index/7" },
    })
    await keep(
      result({ ok: false, repositoryId: "", snapshots: [], problem, at: 2_000 }, [
        { blob: "index/7", code: "corrupt", contents: 0 },
      ]),
    )
    expect(integrity.proofOf(PLACE, snapshot(1))).toMatchObject({ level: "read" })
    expect(codes(room)).toEqual(["index_unreadable"])
    // By any verify, for it is seen by any.
    await keep(result({ ok: false, snapshots: [one(1, ["corrupt"])], problem, at: 3_000 }))
    expect(integrity.damageOf(PLACE, snapshot(1))?.level).toBe("reachable")
  })

  it("nothing is left of a place that is declared no more", async () => {
    const { database, room, parts, keep } = desk()
    await keep(result({ ok: false }, [{ blob: "p1", code: "damaged_end", contents: 0 }]))
    const tables = {
      anomalyMemory: new AnomalyMemoryTable(database.connection),
      drills: new DrillTable(database.connection),
    }
    forgetUndeclared({ ...parts, ...tables, isDeclared: (place) => place === PLACE })
    expect(codes(room)).toEqual(["blobs_damaged_end"])
    forgetUndeclared({ ...parts, ...tables, isDeclared: () => false })
    expect(codes(room)).toEqual([])
    expect(room.findings.scopes("verify")).toEqual([])
  })

  it("nothing is gone when a run could not look", async () => {
    const { room, parts, keep } = desk()
    await keep(result({ ok: false }, [{ blob: "p1", code: "damaged_end", contents: 0 }]))
    tellUnknown(parts, PLACE, true, "no key opens it")
    expect(codes(room)).toEqual(["blobs_damaged_end"])
    const { reachable, read } = scopesOf(PLACE)
    expect([reachable, read].map((scope) => room.looks.of({ source: "verify", scope }).unknown?.why)).toEqual(
      ["no key opens it", "no key opens it"],
    )
  })
})
