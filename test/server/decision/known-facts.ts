import { parseTime } from "../../../storage/instant.js"
import {
  type DecisionFacts,
  NOT_MEASURED,
  type RepositoryFacts,
  type SnapshotFact,
} from "../../../server/decision/index.js"

/** When the request of these tests arrived; milliseconds of a monotonic clock. */
export const REQUESTED_AT = 1_000_000
export const at = (text: string): bigint => parseTime(text).instant

/** A repository that certainly holds nothing of home/data, by a listing begun when the request was there. */
export function holdingNothing(changes: Partial<RepositoryFacts> = {}): RepositoryFacts {
  return {
    name: "shared",
    engine: "kopia",
    place: "/mnt/tank/kopia",
    pathInStore: undefined,
    perVolume: false,
    fence: { kind: "holds" },
    listing: { kind: "listed", begunAt: REQUESTED_AT + 5, ageMs: 20, depth: "contents" },
    pin: { kind: "matches" },
    namesProven: NOT_MEASURED,
    lookup: "data-backup@home:/data",
    sharing: { kind: "alone" },
    pick: { kind: "nothing" },
    history: {
      snapshots: 0,
      complete: 0,
      newestComplete: undefined,
      newestSound: undefined,
      oldest: undefined,
    },
    elsewhere: { kind: "looked", held: [] },
    similar: { kind: "looked", found: [] },
    conventions: { kind: "match" },
    ledger: { kind: "never_seen" },
    retention: NOT_MEASURED,
    running: { kind: "none" },
    firstBackup: NOT_MEASURED,
    findings: NOT_MEASURED,
    oldestCompleteAgeMs: 30 * 24 * 3_600_000,
    ...changes,
  }
}

export function snapshot(changes: Partial<SnapshotFact> = {}): SnapshotFact {
  return {
    id: "a4f8301af919729bedc76ff1dbce6cd8",
    start: at("2026-11-20T03:00:00Z"),
    incomplete: undefined,
    exact: true,
    of: "data-backup@home:/data",
    bytes: 4096,
    files: 7,
    damage: NOT_MEASURED,
    ...changes,
  }
}

/** A repository whose newest snapshot of home/data is complete, with a listing that is older than the request. */
export function holdingBackup(
  changes: Partial<RepositoryFacts> = {},
  candidates: readonly [SnapshotFact, ...SnapshotFact[]] = [snapshot()],
): RepositoryFacts {
  return holdingNothing({
    listing: { kind: "listed", begunAt: REQUESTED_AT - 60_000, ageMs: 60_000, depth: "contents" },
    pick: { kind: "snapshot", candidates },
    history: {
      snapshots: 3,
      complete: 3,
      newestComplete: at("2026-11-20T03:00:00Z"),
      newestSound: { id: "a4f8301af919729bedc76ff1dbce6cd8", start: at("2026-11-20T03:00:00Z") },
      oldest: at("2026-11-01T03:00:00Z"),
    },
    ledger: { kind: "newest_present" },
    ...changes,
  })
}

/** A place where no repository is, and none ever was, and which was declared to be new. */
export function newPlace(changes: Partial<RepositoryFacts> = {}): RepositoryFacts {
  return holdingNothing({
    listing: { kind: "failed", code: "empty", message: "the directory is empty", begunAt: REQUESTED_AT + 5 },
    pin: NOT_MEASURED,
    pick: NOT_MEASURED,
    elsewhere: NOT_MEASURED,
    conventions: NOT_MEASURED,
    ledger: NOT_MEASURED,
    running: NOT_MEASURED,
    firstBackup: {
      kind: "looked",
      begunAt: REQUESTED_AT + 5,
      empty: true,
      declaredNew: true,
      everSeen: undefined,
    },
    oldestCompleteAgeMs: undefined,
    ...changes,
  })
}

/** restic without its password, one repository per volume. */
export function namesOnly(changes: Partial<RepositoryFacts> = {}): RepositoryFacts {
  return holdingBackup({
    engine: "restic",
    pathInStore: "restic/home/data",
    perVolume: true,
    lookup: "home/data/",
    listing: { kind: "listed", begunAt: REQUESTED_AT - 1000, ageMs: 1000, depth: "names" },
    namesProven: { kind: "proven" },
    ...changes,
  })
}

export function facts(
  restore: RepositoryFacts,
  guards: readonly RepositoryFacts[] = [],
  changes: Partial<DecisionFacts> = {},
): DecisionFacts {
  return {
    volume: { namespace: "home", pvc: "data" },
    cluster: { kind: "certain", name: "home" },
    requestedAt: REQUESTED_AT,
    restore: { kind: "repository", facts: restore },
    guards,
    state: { kind: "lasts" },
    freshOnce: { kind: "not_granted" },
    verified: NOT_MEASURED,
    drilled: NOT_MEASURED,
    ...changes,
  }
}
