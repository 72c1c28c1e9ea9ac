import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type KeptFact, keptFacts } from "../../../server/findings/clip.js"
import { type Fact, type Severity, SEVERITIES } from "../../../server/findings/finding.js"
import {
  type Change,
  type Known,
  MORE,
  reconcile,
  reconcileWithin,
} from "../../../server/findings/reconcile.js"

// The rules of one scope, by a model of the table that carries out what reconcile says.

const HOUR = 3_600_000
const fact = (n: number, severity: Severity = "warning", more: Partial<Fact> = {}): Fact => ({
  code: "broken",
  severity,
  subject: { kind: "thing", key: `t${n}` },
  title: `thing ${n} is broken`,
  hint: "Mend it.",
  ...more,
})

interface Row extends Known {
  readonly opened: number
  readonly closes: number
}

/** What the table is after some changes. */
function after(rows: readonly Row[], changes: readonly Change[], now: number): Row[] {
  const next = new Map(rows.map((row) => [row.id, row]))
  let id = Math.max(0, ...rows.map((row) => row.id))
  const set = (of: number, changed: Partial<Row>): void => {
    const row = next.get(of)
    if (row === undefined) throw new Error("there is no such row")
    next.set(of, { ...row, ...changed })
  }
  const told = ({ fact: { severity }, told: text }: KeptFact) => ({ severity, told: text })
  for (const change of changes) {
    if (change.kind === "open") {
      const row: Row = {
        id: ++id,
        key: change.fact.key,
        state: "open",
        ...told(change.fact),
        unsteady: false,
        absentSince: undefined,
        unsureSince: undefined,
        closedAt: undefined,
        acknowledged: undefined,
        opened: 1,
        closes: 0,
      }
      next.set(row.id, row)
    } else if (change.kind === "reopen") {
      const { acknowledged, opened } = next.get(change.id) ?? { acknowledged: undefined, opened: 0 }
      set(change.id, {
        ...told(change.fact),
        state: change.acknowledged ? "acknowledged" : "open",
        acknowledged: change.acknowledged ? acknowledged : undefined,
        unsteady: change.unsteady,
        absentSince: undefined,
        closedAt: undefined,
        opened: opened + 1,
      })
    } else if (change.kind === "tell") set(change.id, told(change.fact))
    else if (change.kind === "back") set(change.id, { absentSince: undefined, unsureSince: undefined })
    else if (change.kind === "absent") set(change.id, { absentSince: now })
    else if (change.kind === "unsure") set(change.id, { unsureSince: now })
    else set(change.id, { state: "closed", closedAt: now, closes: (next.get(change.id)?.closes ?? 0) + 1 })
  }
  return [...next.values()]
}

const terms = (now: number, room = 1_000) => ({ now, room, settleMs: HOUR })
const openKeys = (rows: readonly Known[]): string[] =>
  rows.flatMap(({ state, key }) => (state === "closed" ? [] : key)).sort()
const keysOf = (facts: readonly Fact[]): string[] =>
  keptFacts(facts)
    .map(({ key }) => key)
    .sort()

const someFacts = fc
  .uniqueArray(fc.integer({ min: 0, max: 12 }), { maxLength: 13 })
  .chain((numbers) =>
    fc.tuple(...numbers.map((n) => fc.constantFrom(...SEVERITIES).map((severity) => fact(n, severity)))),
  )

describe("what a source tells of a scope", () => {
  it("is what is open then, whatever was open before, but for what came and went within a day", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(someFacts, fc.integer({ min: 1, max: 30 * HOUR })), { maxLength: 12 }),
        (looks) => {
          let rows: Row[] = []
          let now = 0
          for (const [facts, later] of looks) {
            now += later
            const kept = keptFacts(facts)
            rows = after(rows, reconcile(rows, kept, terms(now)).changes, now)
            const wanted = new Set(keysOf(facts))
            const open = openKeys(rows)
            for (const key of wanted) expect(open).toContain(key)
            for (const row of rows.filter(({ state, key }) => state !== "closed" && !wanted.has(key)))
              expect([row.unsteady, row.absentSince]).toEqual([true, expect.any(Number)])
          }
        },
      ),
    )
  })

  it("changes nothing when it is told once more, and does not depend on its order", () => {
    fc.assert(
      fc.property(someFacts, someFacts, fc.boolean(), (before, facts, back) => {
        const rows = after([], reconcile([], keptFacts(before), terms(1)).changes, 1)
        const ordered = back ? [...facts].reverse() : facts
        const changes = reconcile(rows, keptFacts(ordered), terms(2)).changes
        expect(changes).toEqual(reconcile(rows, keptFacts(facts), terms(2)).changes)
        expect(reconcile(after(rows, changes, 2), keptFacts(facts), terms(3)).changes).toEqual([])
      }),
    )
  })

  it("is no storm when a thing comes and goes every minute for a day", () => {
    let rows: Row[] = []
    for (let minute = 0; minute < 24 * 60; minute++) {
      const now = minute * 60_000
      const facts = minute % 2 === 0 ? [fact(1)] : []
      rows = after(rows, reconcile(rows, keptFacts(facts), terms(now)).changes, now)
    }
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ opened: 2, closes: 1, state: "open" })
    const gone = 24 * HOUR
    for (const now of [gone, gone + HOUR / 2])
      rows = after(rows, reconcile(rows, [], terms(now)).changes, now)
    expect(rows[0]?.state).toBe("open")
    rows = after(rows, reconcile(rows, [], terms(gone + 2 * HOUR)).changes, gone + 2 * HOUR)
    expect(rows[0]?.state).toBe("closed")
  })

  it("never opens more than there is room for, the worst first, and says how many are left", () => {
    fc.assert(
      fc.property(someFacts, fc.integer({ min: 0, max: 13 }), (facts, room) => {
        const { changes, left } = reconcile([], keptFacts(facts), terms(1, room))
        expect(changes).toHaveLength(Math.min(room, facts.length))
        expect(left).toHaveLength(Math.max(0, facts.length - room))
        const rank = (kept: KeptFact): number => SEVERITIES.indexOf(kept.fact.severity)
        const opened = changes.flatMap((change) => (change.kind === "open" ? rank(change.fact) : []))
        for (const one of left) for (const other of opened) expect(rank(one)).toBeGreaterThanOrEqual(other)
        const all = reconcileWithin({ source: "s", scope: "x" }, [], keptFacts(facts), terms(1, room))
        const more = all.flatMap((change) =>
          change.kind === "open" && change.fact.fact.code === MORE ? change.fact.evidence : [],
        )
        expect(more.map((text) => (JSON.parse(text) as { count: number }).count)).toEqual(
          left.length === 0 ? [] : [left.length],
        )
      }),
    )
  })

  it("says nothing of what could not be looked at", () => {
    fc.assert(
      fc.property(someFacts, someFacts, fc.boolean(), (before, facts, twice) => {
        const rows = after([], reconcile([], keptFacts(before), terms(1)).changes, 1)
        const found = new Set(keysOf(facts))
        const look = (now: number, of: readonly Row[]): Row[] =>
          after(of, reconcile(of, keptFacts(facts), { ...terms(now), isUnsure: () => true }).changes, now)
        const now = look(2, rows)
        const again = twice ? look(3, now) : now
        for (const row of again) {
          expect(row.state).toBe("open")
          expect(row.unsureSince).toBe(found.has(row.key) ? undefined : 2)
        }
      }),
    )
  })

  it("is each thing once, the worst of what is said of it", () => {
    const kept = keptFacts([fact(1, "info"), fact(1, "critical"), fact(1, "warning"), fact(2)])
    expect(kept.map(({ fact: { severity } }) => severity)).toEqual(["critical", "warning"])
  })

  it("stays within bounds, however long a hostile repository's texts are", () => {
    const long = "\u{1f4be}".repeat(50_000)
    const evidence = { first: "stays", long, last: "stays too" }
    const [kept] = keptFacts([
      fact(1, "info", { title: long, hint: long, evidence, subject: { kind: "x", key: long } }),
    ])
    const [other] = keptFacts([fact(1, "info", { subject: { kind: "x", key: `${long}!` } })])
    expect(kept?.fact.title.length).toBeLessThan(1_100)
    expect(kept?.fact.title).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/)
    expect(Buffer.byteLength(kept?.evidence ?? "")).toBeLessThan(17_000)
    expect(JSON.parse(kept?.evidence ?? "")).toMatchObject({ cut: true, first: "stays" })
    expect(kept?.key).not.toBe(other?.key)
    expect(kept?.key.length).toBeLessThan(2_200)
  })
})
