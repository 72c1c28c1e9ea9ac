import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { StoredDrill } from "../../../../server/db/index.js"
import { drillFacts } from "../../../../server/reading/drill/facts.js"
import { dueTargets, type Target, targetsOf, volumeText } from "../../../../server/reading/drill/plan.js"
import type { IdentitySummary } from "../../../../server/catalog/index.js"
import { DAY, NOW, snapshot } from "../../anomalies/snapshots.js"

const everyMs = 30 * DAY
const terms = { now: NOW, everyMs }

function target(pvc: string, bytes: number | undefined = 1): Target {
  return {
    volume: { cluster: "home", namespace: "media", pvc },
    identity: `${pvc}@media:/data`,
    snapshot: snapshot(NOW - DAY, { bytes }),
  }
}

/** A row of a target; ages in days before now. */
function row(
  of: Target,
  ages: { known?: number; tried?: number; drilled?: number; last?: object },
): StoredDrill {
  const at = (days: number | undefined) => (days === undefined ? null : NOW - days * DAY)
  return {
    ...of.volume,
    place: "p",
    knownSince: at(ages.known ?? 0) ?? NOW,
    triedAt: at(ages.tried),
    drilledAt: at(ages.drilled),
    provenAt: null,
    engineAt: null,
    last: ages.last === undefined ? null : JSON.stringify(ages.last),
  }
}

const rowsOf = (rows: readonly StoredDrill[]) => new Map(rows.map((one) => [volumeText(one), one]))
const order = (targets: readonly Target[], rows: readonly StoredDrill[]) =>
  dueTargets(targets, rowsOf(rows), terms).map(({ volume }) => volume.pvc)

describe("which drill is next", () => {
  it("is the cheapest of those that are due, and what nobody counted comes last", () => {
    const targets = [target("big", 100), target("small", 1), target("uncounted"), target("middle", 10)]
    const uncounted = { ...targets[2], snapshot: snapshot(NOW, { bytes: undefined }) } as Target
    expect(order([targets[0], targets[1], uncounted, targets[3]] as Target[], [])).toEqual([
      "small",
      "middle",
      "big",
      "uncounted",
    ])
  })

  it("is one that waited twice as long as it should, however large, and the longest of these", () => {
    const [small, large, larger] = [target("small", 1), target("large", 100), target("larger", 1000)]
    const rows = [row(small, { drilled: 31 }), row(large, { drilled: 60 }), row(larger, { known: 70 })]
    expect(order([small, large, larger], rows)).toEqual(["larger", "large", "small"])
  })

  it("is none that was drilled or tried lately, unless something was wrong and there is another backup", () => {
    const [fresh, tried, wrong, same] = ["fresh", "tried", "wrong", "same"].map((pvc) => target(pvc))
    if (!fresh || !tried || !wrong || !same) return expect.unreachable()
    const failed = (start: bigint) => ({
      checks: [{ name: "sqlite", status: "failed", detail: "" }],
      snapshot: { id: "x", start: String(start), root: "k" },
    })
    const rows = [
      row(fresh, { drilled: 29 }),
      row(tried, { known: 50, tried: 0.5 }),
      row(wrong, { drilled: 2, tried: 2, last: failed(1n) }),
      row(same, { drilled: 2, tried: 2, last: failed(same.snapshot.start) }),
    ]
    expect(order([fresh, tried, wrong, same], rows)).toEqual(["wrong"])
  })

  it("does not wait for a time that a wrong clock wrote", () => {
    const one = target("one")
    expect(order([one], [row(one, { drilled: -400, tried: -400 })])).toEqual(["one"])
  })

  it("leaves out none for ever: each volume comes to its turn within a few nights of a small budget", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const targets = sizes.map((bytes, at) => target(`v${at}`, bytes))
        const rows = rowsOf(targets.map((one) => row(one, {})))
        const drilled = new Map<string, number>()
        // One a night is less than one of these needs in thirty days; still nobody waits for ever.
        for (let night = 0; night < 3 * targets.length + 120; night++) {
          const now = NOW + night * DAY
          const [next] = dueTargets(targets, rows, { now, everyMs })
          if (next === undefined) continue
          const key = volumeText(next.volume)
          drilled.set(key, night)
          rows.set(key, { ...row(next, {}), drilledAt: now, triedAt: now })
        }
        expect(drilled.size).toBe(targets.length)
      }),
      { numRuns: 50 },
    )
  })
})

describe("what is to be drilled", () => {
  it("is a volume's newest complete backup, whatever its names, and nothing of the future", () => {
    const volume = { cluster: "home", namespace: "media", pvc: "app" }
    const summary = (identity: string, newestComplete: IdentitySummary["newestComplete"]) =>
      ({ identity, newestComplete }) as IdentitySummary
    const [old, newer] = [snapshot(NOW - 2 * DAY), snapshot(NOW - DAY)]
    const identities = [
      summary("old", old),
      summary("newer", newer),
      summary("future", snapshot(NOW + DAY)),
      summary("none", undefined),
    ]
    expect(targetsOf(identities, () => [volume], NOW)).toEqual([
      { volume, identity: "newer", snapshot: newer },
    ])
    expect(targetsOf(identities, () => [], NOW)).toEqual([])
  })
})

describe("what drills tell", () => {
  const one = target("one")
  const told = (more: Parameters<typeof row>[1]) =>
    drillFacts([one], rowsOf([row(one, more)]), { place: "p", ...terms })
  const last = (name: string, status = "failed") => ({
    at: NOW,
    run: "r",
    identity: one.identity,
    snapshot: { id: "a", start: "1", root: "k" },
    checks: [{ name, status, detail: "bad" }],
  })

  it.each([
    ["sqlite", "drill_check_failed", "critical"],
    ["restored", "drill_check_failed", "critical"],
    ["count", "drill_check_failed", "warning"],
    ["read_back", "drill_scratch_failed", "warning"],
    ["cleaned_up", "drill_scratch_failed", "warning"],
  ])("of a failed check %s is %s, %s", (name, code, severity) => {
    const facts = told({ drilled: 1, last: last(name) })
    expect(facts).toMatchObject([{ code, severity, volumes: [one.volume] }])
    expect(facts[0]?.title).toContain("bad")
  })

  it("of a check that could not tell is only good to know", () => {
    expect(told({ drilled: 1, last: last("sqlite", "unknown") })).toMatchObject([
      { code: "drill_unclear", severity: "info" },
    ])
  })

  it("of one that waits too long grows from good to know to a warning, and names why", () => {
    expect(told({ known: 44 })).toEqual([])
    const why = { at: NOW, run: "r", snapshot: {}, reason: "no_space", why: "it is too large" }
    const facts = told({ known: 46, last: why })
    expect(facts).toMatchObject([{ code: "drill_overdue", severity: "info" }])
    expect(facts[0]?.title).toContain("too large")
    expect(told({ drilled: 91 })).toMatchObject([{ severity: "warning" }])
  })
})
