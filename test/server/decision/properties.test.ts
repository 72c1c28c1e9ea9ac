import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  decide,
  type DecisionFacts,
  NOT_MEASURED,
  type RepositoryFacts,
} from "../../../server/decision/index.js"
import { holdingNothing, REQUESTED_AT, snapshot } from "./known-facts.js"

/** Mostly the good value, so that both certain answers occur often. */
function mostly<T>(good: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 40, arbitrary: fc.constant(good) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )
}

const candidate = fc.record({
  exact: mostly(true, false),
  incomplete: mostly<string | undefined>(undefined, "checkpoint"),
  damage: mostly<RepositoryDamage>(
    NOT_MEASURED,
    { kind: "sound", checkedAt: 1n },
    { kind: "damaged", reasons: ["missing_pack"] },
  ),
})
type RepositoryDamage = ReturnType<typeof snapshot>["damage"]

const listing: fc.Arbitrary<RepositoryFacts["listing"]> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("listed" as const),
      begunAt: mostly(REQUESTED_AT + 1, REQUESTED_AT, REQUESTED_AT - 1, NaN),
      ageMs: mostly(10, 300_000, 300_001, Infinity, NaN),
      depth: mostly<"contents" | "names">("contents", "names"),
    }),
  },
  { weight: 1, arbitrary: fc.constant(NOT_MEASURED) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("failed" as const),
      code: fc.constantFrom("missing" as const, "empty" as const, "io" as const, "corrupt" as const),
      message: fc.constant("it did not work"),
      begunAt: mostly(REQUESTED_AT + 1, REQUESTED_AT - 1),
    }),
  },
)

const repository: fc.Arbitrary<RepositoryFacts> = fc
  .record({
    perVolume: fc.boolean(),
    engine: fc.constantFrom("kopia" as const, "restic" as const),
    fence: mostly<RepositoryFacts["fence"]>({ kind: "holds" }, { kind: "lent" }, NOT_MEASURED, {
      kind: "broken",
      store: "tank",
      message: "not mounted",
    }),
    listing,
    pin: mostly<RepositoryFacts["pin"]>({ kind: "matches" }, NOT_MEASURED, {
      kind: "changed",
      pinned: "a",
      found: "b",
    }),
    namesProven: mostly<RepositoryFacts["namesProven"]>({ kind: "proven" }, NOT_MEASURED, {
      kind: "unproven",
      what: "a file is cut",
    }),
    sharing: mostly<RepositoryFacts["sharing"]>({ kind: "alone" }, NOT_MEASURED, {
      kind: "shared",
      why: "cut",
      with: [],
    }),
    pick: fc.oneof(
      { weight: 4, arbitrary: fc.constant<RepositoryFacts["pick"]>({ kind: "nothing" }) },
      {
        weight: 2,
        arbitrary: fc.array(candidate, { minLength: 1, maxLength: 2 }).map((changes) => {
          const [first, ...rest] = changes.map((change) => snapshot(change))
          return { kind: "snapshot" as const, candidates: [first ?? snapshot(), ...rest] as const }
        }),
      },
    ),
    elsewhere: mostly<RepositoryFacts["elsewhere"]>({ kind: "looked", held: [] }, NOT_MEASURED, {
      kind: "looked",
      held: [{ identity: "x@y:/data", why: "written", snapshots: 1 }],
    }),
    similar: mostly<RepositoryFacts["similar"]>({ kind: "looked", found: [] }, NOT_MEASURED, {
      kind: "looked",
      found: [{ identity: "x@y:/data", why: "its name" }],
    }),
    conventions: mostly<RepositoryFacts["conventions"]>(
      { kind: "match" },
      NOT_MEASURED,
      { kind: "match_none" },
      { kind: "nothing_there" },
    ),
    ledger: mostly<RepositoryFacts["ledger"]>({ kind: "never_seen" }, NOT_MEASURED, {
      kind: "newest_gone",
      identity: "x@y:/data",
      start: 1n,
    }),
    retention: mostly<RepositoryFacts["retention"]>(NOT_MEASURED, { kind: "explains_loss", run: "prune 7" }),
    running: mostly<RepositoryFacts["running"]>({ kind: "none" }, NOT_MEASURED, {
      kind: "running",
      writer: "x",
      lastSeen: 1n,
    }),
    firstBackup: fc.oneof(
      fc.constant(NOT_MEASURED),
      fc.record({
        kind: fc.constant("looked" as const),
        begunAt: mostly(REQUESTED_AT + 1, REQUESTED_AT - 1),
        empty: mostly(true, false),
        declaredNew: mostly(true, false),
        everSeen: mostly<string | undefined>(undefined, "repository 9f2c"),
      }),
    ),
    findings: mostly<RepositoryFacts["findings"]>(NOT_MEASURED, {
      kind: "looked",
      blocking: [{ code: "x", message: "y" }],
    }),
    oldestCompleteAgeMs: fc.constantFrom(undefined, 24 * 3_600_000, 25 * 3_600_000),
  })
  .map((changes) => holdingNothing(changes))

const decisionFacts: fc.Arbitrary<DecisionFacts> = fc.record({
  volume: fc.constant({ namespace: "home", pvc: "data" }),
  cluster: mostly<DecisionFacts["cluster"]>(
    { kind: "certain", name: "home" },
    { kind: "unclear", message: "Two fit.", hint: "Send a token." },
  ),
  requestedAt: fc.constant(REQUESTED_AT),
  restore: fc.oneof(
    { weight: 40, arbitrary: repository.map((facts) => ({ kind: "repository" as const, facts })) },
    { weight: 1, arbitrary: fc.constant({ kind: "none" as const, message: "None.", hint: "Declare one." }) },
  ),
  guards: fc.array(repository, { maxLength: 2 }),
  state: mostly<DecisionFacts["state"]>({ kind: "lasts" }, NOT_MEASURED, {
    kind: "does_not_last",
    directory: "/state",
    why: "tmpfs",
  }),
  freshOnce: fc.constant({ kind: "not_granted" as const }),
  verified: fc.constant(NOT_MEASURED),
  drilled: fc.constant(NOT_MEASURED),
})

/** Rule 2 of design 5.2 once more, written as one sentence about one repository. */
function certainlyHoldsNothing(facts: RepositoryFacts): boolean {
  const { listing, firstBackup } = facts
  const gone = facts.ledger.kind === "newest_gone" && facts.retention.kind !== "explains_loss"
  const blocked = facts.findings.kind === "looked" && facts.findings.blocking.length > 0
  const clean = facts.similar.kind === "looked" && facts.similar.found.length === 0 && !gone && !blocked
  if (listing.kind === "listed") {
    return (
      clean &&
      facts.elsewhere.kind === "looked" &&
      facts.elsewhere.held.length === 0 &&
      facts.running.kind === "none" &&
      facts.ledger.kind !== "not_measured" &&
      listing.begunAt >= REQUESTED_AT &&
      listing.depth === "contents" &&
      facts.pick.kind === "nothing" &&
      facts.pin.kind === "matches" &&
      (facts.fence.kind === "holds" || facts.fence.kind === "lent") &&
      (facts.conventions.kind === "match" || facts.conventions.kind === "nothing_there")
    )
  }
  return (
    clean &&
    (facts.elsewhere.kind === "not_measured" || facts.elsewhere.held.length === 0) &&
    facts.running.kind !== "running" &&
    facts.pick.kind !== "snapshot" &&
    listing.kind === "failed" &&
    (listing.code === "missing" || listing.code === "empty") &&
    listing.begunAt >= REQUESTED_AT &&
    facts.fence.kind === "holds" &&
    facts.pin.kind !== "changed" &&
    firstBackup.kind === "looked" &&
    firstBackup.begunAt >= REQUESTED_AT &&
    firstBackup.empty &&
    firstBackup.declaredNew &&
    firstBackup.everSeen === undefined
  )
}

/** Rule 1 once more. */
function wouldBeRestored(facts: RepositoryFacts): boolean {
  const { listing, pick } = facts
  return (
    listing.kind === "listed" &&
    listing.ageMs <= 300_000 &&
    (listing.depth === "contents" ||
      (facts.perVolume && facts.engine === "restic" && facts.namesProven.kind === "proven")) &&
    (facts.fence.kind === "holds" || facts.fence.kind === "lent") &&
    facts.pin.kind === "matches" &&
    facts.sharing.kind === "alone" &&
    pick.kind === "snapshot" &&
    pick.candidates.every(
      ({ exact, incomplete, damage }) => exact && incomplete === undefined && damage.kind !== "damaged",
    ) &&
    facts.ledger.kind !== "not_measured" &&
    (facts.ledger.kind !== "newest_gone" || facts.retention.kind === "explains_loss") &&
    (facts.findings.kind === "not_measured" || facts.findings.blocking.length === 0)
  )
}

function expected(given: DecisionFacts): "restore" | "fresh" | "unknown" {
  if (given.cluster.kind !== "certain" || given.restore.kind !== "repository") return "unknown"
  const restore = given.restore.facts
  if (wouldBeRestored(restore)) return "restore"
  const lasting =
    given.state.kind === "lasts" ||
    (given.state.kind === "does_not_last" && (restore.oldestCompleteAgeMs ?? 0) > 24 * 3_600_000)
  return lasting && [restore, ...given.guards].every(certainlyHoldsNothing) ? "fresh" : "unknown"
}

describe("whatever the facts", () => {
  it("the answer is certain exactly when the rules, written a second time, say so", () => {
    const met = { restore: 0, fresh: 0, unknown: 0 }
    fc.assert(
      fc.property(decisionFacts, (given) => {
        const { decision } = decide(given)
        met[decision]++
        expect(decision).toBe(expected(given))
      }),
      { numRuns: 5000 },
    )
    // Otherwise the sentences above would say little.
    expect(Math.min(met.restore, met.fresh, met.unknown)).toBeGreaterThan(200)
  })

  it("one more repository never turns unknown into fresh", () => {
    fc.assert(
      fc.property(decisionFacts, repository, (given, guard) => {
        const before = decide(given).decision
        const after = decide({ ...given, guards: [...given.guards, guard] }).decision
        if (after === "fresh") expect(before).toBe("fresh")
        if (before === "restore") expect(after).toBe("restore")
      }),
      { numRuns: 2000 },
    )
  })
})
