import { describe, expect, it } from "vitest"
import {
  decide,
  type DecisionFacts,
  NOT_MEASURED,
  type RepositoryFacts,
} from "../../../server/decision/index.js"
import type { StorageErrorCode } from "../../../storage/errors.js"
import { facts, holdingBackup, holdingNothing, newPlace, REQUESTED_AT, snapshot } from "./known-facts.js"

type Change = Partial<RepositoryFacts>
const failedWith = (code: StorageErrorCode): Change => ({
  listing: { kind: "failed", code, message: "it did not work", begunAt: REQUESTED_AT + 5 },
})
const failedLater = (code: StorageErrorCode, begunAt: number): Change => ({
  listing: {
    kind: "listed",
    begunAt,
    ageMs: 20,
    depth: "contents",
    laterFailure: { code, message: "it did not work", begunAt: REQUESTED_AT + 9 },
  },
})
const listing = (begunAt: number, ageMs: number, depth: "contents" | "names" = "contents"): Change => ({
  listing: { kind: "listed", begunAt, ageMs, depth },
})

const CODES: StorageErrorCode[] = [
  "missing",
  "empty",
  "not_a_repository",
  "two_repositories",
  "unreadable",
  "io",
  "timeout",
  "password_missing",
  "wrong_password",
  "corrupt",
  "unsupported",
  "upgrading",
  "unstable",
  "index_lost",
  "invalid",
]

/** Of any repository, whatever its role: each alone must forbid `fresh`. */
const FAULTS: Readonly<Record<string, Change>> = {
  ...Object.fromEntries(CODES.map((code) => [`the listing fails with ${code}`, failedWith(code)])),
  ...Object.fromEntries(
    CODES.map((code) => [`a look after the listing fails with ${code}`, failedLater(code, REQUESTED_AT + 5)]),
  ),
  "it was never listed": { listing: NOT_MEASURED },
  "it was listed a millisecond before the request": listing(REQUESTED_AT - 1, 1),
  "it was listed an hour ago": listing(REQUESTED_AT - 3_600_000, 3_600_000),
  "nobody knows when it was listed": listing(NaN, NaN),
  "it was listed without its password": listing(REQUESTED_AT + 5, 20, "names"),
  "the store is not mounted": { fence: { kind: "broken", store: "tank", message: "not mounted" } },
  "the fence was never checked": { fence: NOT_MEASURED },
  "the repository was swapped for an empty one": { pin: { kind: "changed", pinned: "a", found: "b" } },
  "a second repository lies beside it": { pin: { kind: "second_repository", places: ["a", "b"] } },
  "the pin was never compared": { pin: NOT_MEASURED },
  "it holds a snapshot": { pick: { kind: "snapshot", candidates: [snapshot()] } },
  "it holds an incomplete snapshot": {
    pick: { kind: "snapshot", candidates: [snapshot({ incomplete: "checkpoint" })] },
  },
  "it holds a snapshot of a parent path": {
    pick: { kind: "snapshot", candidates: [snapshot({ exact: false })] },
  },
  "nobody looked what the mover would pick": { pick: NOT_MEASURED },
  "it holds snapshots under the written name": {
    elsewhere: { kind: "looked", held: [{ identity: "data-nfs@home:/data", why: "written", snapshots: 1 }] },
  },
  "it holds snapshots under an earlier name": {
    elsewhere: { kind: "looked", held: [{ identity: "data@home:/data", why: "earlier", snapshots: 1 }] },
  },
  "it holds snapshots under a mapped name": {
    elsewhere: { kind: "looked", held: [{ identity: "x@y:/data", why: "mapped", snapshots: 1 }] },
  },
  "nobody looked under other names": { elsewhere: NOT_MEASURED },
  "it holds a similar identity": {
    similar: { kind: "looked", found: [{ identity: "data@home:/data", why: "its bare name" }] },
  },
  "nobody looked for similar identities": { similar: NOT_MEASURED },
  "its snapshots match no convention": { conventions: { kind: "match_none" } },
  "nobody compared its snapshots with its conventions": { conventions: NOT_MEASURED },
  "the newest that the ledger knew is gone": {
    ledger: { kind: "newest_gone", identity: "data-backup@home:/data", start: 1n },
  },
  "the newest that the ledger knew is gone, and retention does not explain it": {
    ledger: { kind: "newest_gone", identity: "data-backup@home:/data", start: 1n },
    retention: { kind: "explains_nothing" },
  },
  "the ledger was not asked": { ledger: NOT_MEASURED },
  "a backup is running": { running: { kind: "running", writer: "data-backup@home", lastSeen: 1n } },
  "nobody looked for running backups": { running: NOT_MEASURED },
  "a finding holds the volume back": {
    findings: { kind: "looked", blocking: [{ code: "mass_deletion", message: "36 of 50 files are gone" }] },
  },
}

/** Of the request and the daemon as a whole. */
const COMMON_FAULTS: Readonly<Record<string, Partial<DecisionFacts>>> = {
  "the cluster is unclear": { cluster: { kind: "unclear", message: "Two fit.", hint: "Send a token." } },
  "no repository restores the volume": { restore: { kind: "none", message: "None.", hint: "Declare one." } },
  "the request came after the listing": { requestedAt: REQUESTED_AT + 6 },
  "nobody knows when the request came": { requestedAt: NaN },
  "nobody looked whether the state lasts": { state: NOT_MEASURED },
}

describe("with all facts as they should be, but for one", () => {
  it("there are faults enough, and without any the answer is fresh", () => {
    expect(Object.keys(FAULTS).length + Object.keys(COMMON_FAULTS).length).toBeGreaterThanOrEqual(40)
    expect(decide(facts(holdingNothing(), [holdingNothing({ name: "offsite" })])).decision).toBe("fresh")
  })

  it.each(Object.entries(FAULTS))("of the restore repository, it is never fresh: %s", (_, change) => {
    expect(decide(facts(holdingNothing(change))).decision).not.toBe("fresh")
  })

  it.each(Object.entries(FAULTS))("of a guard, it is unknown: %s", (_, change) => {
    const guards = [holdingNothing({ name: "old" }), holdingNothing({ name: "offsite", ...change })]
    expect(decide(facts(holdingNothing(), guards)).decision).toBe("unknown")
  })

  it.each(Object.entries(COMMON_FAULTS))("of the whole, it is unknown: %s", (_, change) => {
    expect(decide(facts(holdingNothing(), [], change)).decision).toBe("unknown")
  })
})

describe("a new place with all facts as they should be, but for one", () => {
  const looked = {
    kind: "looked" as const,
    begunAt: REQUESTED_AT + 5,
    empty: true,
    declaredNew: true,
    everSeen: undefined,
  }
  const faults: Readonly<Record<string, Change>> = {
    ...Object.fromEntries(
      CODES.filter((code) => code !== "missing" && code !== "empty").map((code) => [
        `the look fails with ${code}`,
        failedWith(code),
      ]),
    ),
    "it was only lent": { fence: { kind: "lent" } },
    "its fence was never checked": { fence: NOT_MEASURED },
    "its fence is broken": { fence: { kind: "broken", store: "tank", message: "not mounted" } },
    "nobody looked whether it is empty": { firstBackup: NOT_MEASURED },
    "it is not empty": { firstBackup: { ...looked, empty: false } },
    "it was not declared new": { firstBackup: { ...looked, declaredNew: false } },
    "something was seen there before": { firstBackup: { ...looked, everSeen: "repository 9f2c" } },
    "it was looked at before the request": { firstBackup: { ...looked, begunAt: REQUESTED_AT - 1 } },
    "nobody knows when it was looked at": { firstBackup: { ...looked, begunAt: NaN } },
    "it was listed before the request": {
      listing: { kind: "failed", code: "empty", message: "empty", begunAt: REQUESTED_AT - 1 },
    },
    "another repository is pinned there": { pin: { kind: "changed", pinned: "a", found: "b" } },
    "the ledger knew a backup": {
      ledger: { kind: "newest_gone", identity: "data-backup@home:/data", start: 1n },
    },
    "a similar folder lies beside it": {
      similar: { kind: "looked", found: [{ identity: "restic/home-data", why: "its name" }] },
    },
    "nobody looked beside it": { similar: NOT_MEASURED },
    "a backup is running": { running: { kind: "running", writer: "restic", lastSeen: 1n } },
  }

  it.each(Object.entries(faults))("is unknown: %s", (_, change) => {
    expect(decide(facts(newPlace())).decision).toBe("fresh")
    expect(decide(facts(newPlace(change))).decision).toBe("unknown")
    expect(decide(facts(holdingNothing(), [newPlace(change)])).decision).toBe("unknown")
  })

  it("is unknown when the state does not last, however old its guards are", () => {
    const state = { kind: "does_not_last", directory: "/state", why: "tmpfs" } as const
    expect(decide(facts(newPlace(), [holdingNothing()], { state })).decision).toBe("unknown")
  })
})

describe("a backup with all facts as they should be, but for one", () => {
  const faults: Readonly<Record<string, Change>> = {
    ...Object.fromEntries(CODES.map((code) => [`the listing fails with ${code}`, failedWith(code)])),
    ...Object.fromEntries(
      CODES.filter((code) => code !== "unstable" && code !== "timeout").map((code) => [
        `a look after the listing fails with ${code}`,
        failedLater(code, REQUESTED_AT - 10),
      ]),
    ),
    "it was never listed": { listing: NOT_MEASURED },
    "it was listed more than five minutes ago": listing(REQUESTED_AT - 300_001, 300_001),
    "nobody knows the listing's age": listing(REQUESTED_AT, NaN),
    "it was listed without its password and serves several volumes": listing(REQUESTED_AT, 1, "names"),
    "the store is not mounted": { fence: { kind: "broken", store: "tank", message: "not mounted" } },
    "the fence was never checked": { fence: NOT_MEASURED },
    "the repository was swapped": { pin: { kind: "changed", pinned: "a", found: "b" } },
    "a second repository lies beside it": { pin: { kind: "second_repository", places: ["a", "b"] } },
    "the pin was never compared": { pin: NOT_MEASURED },
    "another volume shares its name": { sharing: { kind: "shared", why: "claimed", with: ["home/my.app"] } },
    "nobody looked who shares its name": { sharing: NOT_MEASURED },
    "nobody looked what the mover would pick": { pick: NOT_MEASURED },
    "there is nothing to pick": { pick: { kind: "nothing" } },
    "the pick is incomplete": {
      pick: { kind: "snapshot", candidates: [snapshot({ incomplete: "checkpoint" })] },
    },
    "the pick is of another path": { pick: { kind: "snapshot", candidates: [snapshot({ exact: false })] } },
    "the pick is damaged": {
      pick: { kind: "snapshot", candidates: [snapshot({ damage: { kind: "damaged", reasons: ["x"] } })] },
    },
    "the pick's twin of the same second is incomplete": {
      pick: { kind: "snapshot", candidates: [snapshot(), snapshot({ incomplete: "canceled" })] },
    },
    "a newer one was known": {
      ledger: { kind: "newest_gone", identity: "data-backup@home:/data", start: 1n },
    },
    "the ledger was not asked": { ledger: NOT_MEASURED },
    "a finding holds the volume back": {
      findings: { kind: "looked", blocking: [{ code: "all_zero", message: "a file became all zeros" }] },
    },
  }

  it.each(Object.entries(faults))("is never restored, and never fresh: %s", (_, change) => {
    expect(decide(facts(holdingBackup())).decision).toBe("restore")
    expect(decide(facts(holdingBackup(change))).decision).toBe("unknown")
  })
})
