import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type FilesystemSnapshot,
  parseSnapshotName,
  type SnapshotPolicy,
  snapshotsToRemove,
} from "../../../../storage/disk/index.js"

const HOUR = 3_600_000
const none: SnapshotPolicy = {
  keepLast: 0,
  keepHourly: 0,
  keepDaily: 0,
  keepWeekly: 0,
  keepMonthly: 0,
  minimumAge: 0,
}
const now = new Date("2026-11-21T12:00:00Z")

function made(at: string | number, more: Partial<FilesystemSnapshot> = {}): FilesystemSnapshot {
  const createdAt = typeof at === "number" ? at : Date.parse(at)
  return {
    name: `at-${createdAt}`,
    ours: true,
    createdAt,
    reason: "daily",
    expiresAt: undefined,
    holds: [],
    path: "/there",
    state: "whole",
    ownBytes: 0,
    ...more,
  }
}

function removed(list: readonly FilesystemSnapshot[], policy: Partial<SnapshotPolicy>): string[] {
  return snapshotsToRemove(list, { ...none, ...policy }, now).remove.map(({ snapshot }) =>
    new Date(snapshot.createdAt).toISOString().slice(0, 16),
  )
}

describe("the retention of filesystem snapshots", () => {
  const newest = made("2026-11-21T11:00Z")

  it("keeps the newest whatever the policy says", () => {
    expect(removed([newest], {})).toEqual([])
    expect(removed([newest, made("2026-11-20T11:00Z")], {})).toEqual(["2026-11-20T11:00"])
    expect(snapshotsToRemove([newest], none, now).keep[0]?.reasons).toEqual(["the newest"])
  })

  it("counts the last ones, also those that another rule keeps", () => {
    const list = [1, 2, 3, 4].map((day) => made(`2026-11-1${day}T00:00Z`))
    expect(removed(list, { keepLast: 2, keepDaily: 2 })).toEqual(["2026-11-12T00:00", "2026-11-11T00:00"])
  })

  it("keeps the newest of each hour, day, week and month, in UTC", () => {
    const list = [
      "2026-11-21T11:59Z",
      "2026-11-21T11:00Z",
      "2026-11-21T10:59Z",
      "2026-11-20T23:59Z",
      "2026-11-16T00:00Z",
      "2026-11-15T23:59Z",
      "2026-11-01T00:00Z",
      "2026-10-31T23:59Z",
    ].map((at) => made(at))
    const kept = (policy: Partial<SnapshotPolicy>): string[] => {
      const gone = new Set(removed(list, policy))
      const all = list.map(({ createdAt }) => new Date(createdAt).toISOString().slice(0, 16))
      return all.filter((at) => !gone.has(at))
    }
    expect(kept({ keepHourly: 2 })).toEqual(["2026-11-21T11:59", "2026-11-21T10:59"])
    expect(kept({ keepDaily: 2 })).toEqual(["2026-11-21T11:59", "2026-11-20T23:59"])
    // 2026-11-16 is a Monday.
    expect(kept({ keepWeekly: 2 })).toEqual(["2026-11-21T11:59", "2026-11-15T23:59"])
    expect(kept({ keepMonthly: 2 })).toEqual(["2026-11-21T11:59", "2026-10-31T23:59"])
  })

  it("says for each why it is kept or removed", () => {
    const list = [newest, made("2026-11-20T11:00Z"), made("2026-11-19T11:00Z"), made("2026-10-01T00:00Z")]
    const { keep, remove } = snapshotsToRemove(
      list,
      { ...none, keepDaily: 2, keepMonthly: 1, keepLast: 1 },
      now,
    )
    expect(keep.map(({ reasons }) => reasons)).toEqual([
      ["the newest", "last 1", "daily 1", "monthly 1"],
      ["daily 2"],
    ])
    expect(remove.map(({ reasons }) => reasons)).toEqual([["no rule keeps it"], ["no rule keeps it"]])
  })

  it("keeps what is young, also after the clock was set back", () => {
    const young = made(now.getTime() - 2 * HOUR)
    const future = made("2027-01-01T00:00Z")
    expect(removed([newest, young, future], { minimumAge: 3 * HOUR })).toEqual([])
    const [older, oldest] = [made("2026-11-01T00:00Z"), made("2026-10-01T00:00Z")]
    expect(removed([future, { ...future, name: "another" }, older, oldest], {})).toEqual([
      "2026-11-01T00:00",
      "2026-10-01T00:00",
    ])
  })

  it("keeps one with an expiry until then, no longer, and lets no rule count it", () => {
    const due = made("2026-11-20T00:00Z", { expiresAt: now.getTime() - 1 })
    const wanted = made("2026-11-19T00:00Z", { expiresAt: now.getTime() + 1 })
    const ruled = made("2026-11-18T00:00Z")
    const verdicts = snapshotsToRemove([newest, due, wanted, ruled], { ...none, keepLast: 2 }, now)
    expect(verdicts.remove).toEqual([{ snapshot: due, reasons: ["expired at 2026-11-21T11:59:59.999Z"] }])
    expect(verdicts.keep.find(({ snapshot }) => snapshot === wanted)?.reasons).toEqual([
      "needed until 2026-11-21T12:00:00.001Z",
    ])
    expect(verdicts.keep.find(({ snapshot }) => snapshot === ruled)?.reasons).toEqual(["last 2"])
  })

  it("removes what was never finished, once it cannot be under way any more", () => {
    const unfinished = { state: "unfinished", path: undefined } as const
    const old = made(now.getTime() - 2 * HOUR, { ...unfinished, expiresAt: now.getTime() + HOUR })
    const fresh = made(now.getTime() - HOUR / 2, unfinished)
    const { remove, keep } = snapshotsToRemove([fresh, old, newest], none, now)
    expect(remove).toEqual([{ snapshot: old, reasons: ["was never finished"] }])
    expect(keep.map(({ snapshot }) => snapshot)).toEqual([fresh, newest])
  })

  it("is refused with a policy that is not made of whole numbers", () => {
    for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const rule of Object.keys(none)) {
        expect(() => snapshotsToRemove([], { ...none, [rule]: wrong }, now)).toThrow(
          expect.objectContaining({ code: "invalid" }),
        )
      }
    }
  })

  const anySnapshot = fc.record({
    at: fc.integer({ min: now.getTime() - 100 * 24 * HOUR, max: now.getTime() + 24 * HOUR }),
    ours: fc.boolean(),
    holds: fc.constantFrom<readonly string[]>([], ["run"]),
    state: fc.constantFrom("whole", "unfinished", "unclear"),
    expiresIn: fc.option(fc.integer({ min: -100 * HOUR, max: 100 * HOUR }), { nil: undefined }),
  })
  const anyList = fc.array(anySnapshot, { maxLength: 40 }).map((list) =>
    list.map(({ at, expiresIn, ...rest }, index) =>
      made(at, {
        ...rest,
        name: `s${index}`,
        expiresAt: expiresIn === undefined ? undefined : now.getTime() + expiresIn,
      }),
    ),
  )
  const few = fc.integer({ min: 0, max: 5 })
  const anyPolicy = fc.record({
    keepLast: few,
    keepHourly: few,
    keepDaily: few,
    keepWeekly: few,
    keepMonthly: few,
    minimumAge: fc.constantFrom(0, HOUR, 48 * HOUR),
  })

  it("never removes a held, a foreign, an unclear, a young or the newest one", () => {
    fc.assert(
      fc.property(anyList, anyPolicy, (list, policy) => {
        const { remove, keep } = snapshotsToRemove(list, policy, now)
        expect(remove.length + keep.length).toBe(list.length)
        const whole = list.filter(({ ours, state }) => ours && state === "whole")
        const newestAt = Math.max(...whole.map(({ createdAt }) => createdAt))
        for (const { snapshot, reasons } of remove) {
          expect(reasons).toHaveLength(1)
          expect(snapshot).toMatchObject({ ours: true, holds: [] })
          expect(snapshot.state).not.toBe("unclear")
          expect(now.getTime() - snapshot.createdAt).toBeGreaterThanOrEqual(
            snapshot.state === "unfinished" ? HOUR : policy.minimumAge,
          )
          if (snapshot.state === "whole") expect(snapshot.expiresAt ?? 0).toBeLessThanOrEqual(now.getTime())
        }
        if (whole.length > 0) {
          expect(
            keep.some(({ snapshot }) => whole.includes(snapshot) && snapshot.createdAt === newestAt),
          ).toBe(true)
        }
        for (const { reasons } of keep) expect(reasons.length).toBeGreaterThan(0)
      }),
      { numRuns: 500 },
    )
  })

  it("removes nothing more when it is asked again after it was carried out, in whichever order they are listed", () => {
    fc.assert(
      fc.property(anyList, anyPolicy, (list, policy) => {
        const { remove, keep } = snapshotsToRemove(list, policy, now)
        expect(
          snapshotsToRemove(
            keep.map(({ snapshot }) => snapshot),
            policy,
            now,
          ).remove,
        ).toEqual([])
        expect(snapshotsToRemove([...list].reverse(), policy, now).remove).toEqual(remove)
      }),
      { numRuns: 500 },
    )
  })
})

describe("the name of a filesystem snapshot of ours", () => {
  it("is known by its shape and its time", () => {
    expect(parseSnapshotName("cistern-20261121T204500Z-before-prune")).toEqual({
      createdAt: Date.parse("2026-11-21T20:45:00Z"),
      reason: "before-prune",
    })
    for (const other of [
      "cistern-20261121T204500Z-",
      "cistern-20261121T204500Z",
      "cistern-20261131T204500Z-x",
      "cistern-20261121T244500Z-x",
      "cistern-20261121T204500Z-x\n",
      "cistern-20261121T204500Z-x/../y",
      "cistern-20261121T204500Z--x",
      " cistern-20261121T204500Z-x",
      "Cistern-20261121T204500Z-x",
      `cistern-20261121T204500Z-${"x".repeat(61)}`,
    ])
      expect(parseSnapshotName(other), other).toBeUndefined()
  })
})
