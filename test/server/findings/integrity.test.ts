import fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { openDatabase, SnapshotIntegrityTable, type StateDatabase } from "../../../server/db/index.js"
import { type IntegrityResult, LEVELS, SnapshotIntegrity } from "../../../server/findings/index.js"
import { afterResult, nothingProven } from "../../../server/findings/judge-integrity.js"
import { scratch } from "../../support/fixtures.js"

const opened: StateDatabase[] = []
afterEach(() => {
  for (const database of opened.splice(0)) database.close()
})

function open(state: string): SnapshotIntegrity {
  const database = openDatabase(state)
  opened.push(database)
  return new SnapshotIntegrity(new SnapshotIntegrityTable(database.connection))
}

const at = 1_800_000_000_000
const snapshot = (n: number) => ({ id: `engine-${n}`, start: BigInt(n) * 1_000_000_000n, root: `k${n}` })
const damaged = (
  level: (typeof LEVELS)[number] = "read",
  more: Partial<IntegrityResult> = {},
): IntegrityResult => ({
  ok: false,
  level,
  at,
  reasons: ["missing_pack"],
  paths: 2,
  sample: ["/data/a", "/data/b"],
  run: "run-1",
  ...more,
})
const sound = (level: (typeof LEVELS)[number], when = at + 1): IntegrityResult => ({
  ok: true,
  level,
  at: when,
})
const of = (n: number, result: IntegrityResult) => ({ snapshot: snapshot(n), identity: "a@b:/data", result })

describe("what is known of a snapshot", () => {
  it("is damage once some was found, by start and root, whatever the engine calls it later", () => {
    const integrity = open(scratch())
    integrity.record("tank:kopia", [of(1, damaged()), of(2, sound("read"))])
    expect(integrity.damageOf("tank:kopia", { ...snapshot(1), id: "pinned since" })).toMatchObject({
      reasons: ["missing_pack"],
      paths: 2,
      run: "run-1",
    })
    expect(integrity.damageOf("tank:kopia", snapshot(2))).toBeUndefined()
    expect(integrity.damageOf("tank:other", snapshot(1))).toBeUndefined()
    expect(integrity.proofOf("tank:kopia", snapshot(2))).toEqual({ level: "read", at: at + 1 })
    expect(integrity.proofOf("tank:kopia", snapshot(1))).toBeUndefined()
  })

  it("is found by the engine's id where the password is not known any more, and the other way round", () => {
    const integrity = open(scratch())
    integrity.record("p", [
      of(1, damaged()),
      { ...of(2, damaged()), snapshot: { ...snapshot(2), root: undefined } },
    ])
    expect(integrity.damageOf("p", { ...snapshot(1), root: undefined })).toBeDefined()
    expect(integrity.damageOf("p", snapshot(2))).toBeDefined()
    expect(integrity.damageOf("p", { ...snapshot(3), root: undefined })).toBeUndefined()
  })

  it("outlives a restart, damage and proofs alike", () => {
    const state = scratch()
    open(state).record("p", [of(1, damaged()), of(2, sound("restored"))])
    opened.splice(0).forEach((database) => {
      database.close()
    })
    const again = open(state)
    expect(again.damageOf("p", snapshot(1))).toEqual({
      level: "read",
      at,
      reasons: ["missing_pack"],
      paths: 2,
      sample: ["/data/a", "/data/b"],
      run: "run-1",
    })
    expect(again.proofOf("p", snapshot(2))).toEqual({ level: "restored", at: at + 1 })
  })

  it("is told page by page, newest first", () => {
    const integrity = open(scratch())
    integrity.record(
      "p",
      [1, 2, 3, 4].map((n) => of(n, n === 2 ? damaged() : sound("reachable"))),
    )
    const first = integrity.inPlace("p", 2n ** 63n - 1n, 3)
    expect(first.map(({ engineId }) => engineId)).toEqual(["engine-4", "engine-3", "engine-2"])
    const rest = integrity.inPlace("p", first.at(-1)?.start ?? 0n, 3)
    expect(rest.map(({ engineId }) => engineId)).toEqual(["engine-1"])
    expect(integrity.of("p", "a@b:/data", 2)).toHaveLength(2)
  })

  it("takes a start that no database can hold, and texts without end", () => {
    const integrity = open(scratch())
    const far = { id: "far", start: 2n ** 80n, root: "r" }
    const sample = Array.from({ length: 50 }, (_, n) => `${n}`.repeat(5_000))
    integrity.record("p", [{ snapshot: far, identity: "i", result: damaged("read", { sample }) }])
    const found = integrity.damageOf("p", far)
    expect(found?.sample).toHaveLength(20)
    expect(Math.max(...(found?.sample ?? []).map(({ length }) => length))).toBe(1_000)
  })
})

describe("the version, by which answers are worked out anew", () => {
  it("grows when damage is found, changes, or is withdrawn, and not by good news of sound snapshots", () => {
    const integrity = open(scratch())
    const versions: number[] = []
    const step = (work: () => void): void => {
      work()
      versions.push(integrity.version)
    }
    step(() => {
      integrity.record("p", [of(2, sound("read"))])
    })
    step(() => {
      integrity.record("p", [of(1, damaged())])
    })
    step(() => {
      integrity.record("p", [of(1, damaged())])
    })
    step(() => {
      integrity.record("p", [of(1, damaged("read", { reasons: ["short_pack"] }))])
    })
    step(() => {
      integrity.withdraw("p", [snapshot(1), snapshot(2), snapshot(9)])
    })
    step(() => {
      integrity.withdraw("p", [snapshot(1)])
    })
    expect(versions).toEqual([0, 1, 1, 2, 3, 3])
    expect(integrity.damageOf("p", snapshot(1))).toBeUndefined()
  })

  it("is that of a time at which nothing was half recorded", () => {
    const integrity = open(scratch())
    const bad = of(2, damaged("read", { level: "no such level" as never }))
    expect(() => {
      integrity.record("p", [of(1, damaged()), bad])
    }).toThrow()
    expect(integrity.version).toBe(0)
    expect(integrity.damageOf("p", snapshot(1))).toBeUndefined()
    expect(integrity.inPlace("p", 2n ** 63n - 1n, 10)).toEqual([])
  })
})

describe("snapshots that are gone", () => {
  it("are forgotten by who knows all that are there", () => {
    const integrity = open(scratch())
    integrity.record("p", [of(1, damaged()), of(2, sound("read")), of(3, damaged())])
    integrity.keepOnly("p", [snapshot(2), { id: "engine-3", start: 0n, root: undefined }])
    expect(integrity.inPlace("p", 2n ** 63n - 1n, 9).map(({ engineId }) => engineId)).toEqual([
      "engine-3",
      "engine-2",
    ])
    expect(integrity.damageOf("p", snapshot(1))).toBeUndefined()
    integrity.forgetPlace("p")
    expect(integrity.damaged()).toEqual([])
  })
})

describe("one more result", () => {
  const result: fc.Arbitrary<IntegrityResult> = fc
    .record({ ok: fc.boolean(), level: fc.constantFrom(...LEVELS), at: fc.integer({ min: 1, max: 50 }) })
    .map(({ ok, level, at }) => (ok ? sound(level, at) : damaged(level, { at })))

  it("leaves damage that a deeper look found, whatever a shallower one says", () => {
    const deep = afterResult(nothingProven, damaged("read"))
    expect(afterResult(deep, sound("reachable", at + 9)).damage).toBeDefined()
    expect(afterResult(deep, sound("read", at + 9)).damage).toBeUndefined()
    expect(afterResult(deep, sound("restored", at + 9)).damage).toBeUndefined()
    expect(afterResult(deep, sound("restored", at - 1)).damage).toBeDefined()
    expect(afterResult(deep, damaged("listed", { reasons: ["no_manifest"] })).damage).toMatchObject({
      level: "read",
      reasons: ["missing_pack", "no_manifest"],
    })
  })

  it("never makes a snapshot sound that was found damaged later and as deeply", () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 12 }), (results) => {
        const { damage, proven } = results.reduce(afterResult, nothingProven)
        const bad = results.filter((one) => !one.ok)
        const refuted = (one: IntegrityResult): boolean =>
          results.some(
            (good, when) =>
              good.ok &&
              LEVELS.indexOf(good.level) >= LEVELS.indexOf(one.level) &&
              good.at >= one.at &&
              when > results.indexOf(one),
          )
        if (bad.some((one) => !refuted(one))) expect(damage).toBeDefined()
        if (bad.length === 0) expect(damage).toBeUndefined()
        for (const level of LEVELS) {
          const times = results.flatMap((one) => (one.ok && one.level === level ? one.at : []))
          expect(proven[level]).toBe(times.length === 0 ? undefined : Math.max(...times))
        }
      }),
    )
  })
})
