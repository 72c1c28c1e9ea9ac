import { describe, expect, it } from "vitest"
import {
  decide,
  type DecisionFacts,
  NOT_MEASURED,
  type RepositoryFacts,
} from "../../../server/decision/index.js"
import {
  at,
  facts,
  holdingBackup,
  holdingNothing,
  namesOnly,
  newPlace,
  REQUESTED_AT,
  snapshot,
} from "./known-facts.js"

type Row = readonly [sentence: string, facts: DecisionFacts]

function outcome(given: DecisionFacts): string {
  const decision = decide(given)
  return decision.decision === "unknown" ? decision.reason : decision.decision
}

const failed = (code: "missing" | "unreadable" | "io" | "timeout" | "unstable" | "wrong_password") =>
  ({ code, message: "it did not work", begunAt: REQUESTED_AT + 5 }) as const
const guard = (changes: Partial<RepositoryFacts> = {}) => holdingNothing({ name: "offsite", ...changes })
const lent = { fence: { kind: "lent" } } as const

describe("restore: the mover would bring back this volume's newest backup", () => {
  const rows: Row[] = [
    [
      "when its pick has exactly the looked-up identity, is complete and not known to be damaged",
      facts(holdingBackup()),
    ],
    [
      "when its pick was checked and is sound",
      facts(holdingBackup({}, [snapshot({ damage: { kind: "sound", checkedAt: 0n } })])),
    ],
    ["by a listing that is five minutes old", facts(holdingBackup({ listing: listed(300_000) }))],
    [
      "by an older listing while the repository changes too fast to be read anew",
      facts(holdingBackup({ listing: { ...listed(9000), laterFailure: failed("unstable") } })),
    ],
    [
      "by an older listing while a mount hangs",
      facts(holdingBackup({ listing: { ...listed(9000), laterFailure: failed("timeout") } })),
    ],
    [
      "whatever is doubtful about a guard",
      facts(holdingBackup(), [guard({ listing: { kind: "failed", ...failed("io") }, fence: NOT_MEASURED })]),
    ],
    [
      "whatever a guard holds",
      facts(holdingBackup(), [guard({ pick: { kind: "snapshot", candidates: [snapshot()] } })]),
    ],
    ["although the next backup is running", facts(holdingBackup({ running: running() }))],
    ["although a similar identity exists", facts(holdingBackup({ similar: similar() }))],
    [
      "although some of its backups lie under an earlier name",
      facts(holdingBackup({ elsewhere: elsewhere("earlier") })),
    ],
    ["in drop-in mode without a state directory that lasts", facts(holdingBackup(lent), [], { state: lost })],
    [
      "when all snapshots of the second in which the newest began are complete",
      facts(holdingBackup({}, [snapshot(), snapshot({ id: "b" })])),
    ],
    [
      "of restic without the password, when a volume's own repository has proven snapshot files and a key",
      facts(namesOnly()),
    ],
    [
      "when our own recorded retention explains that a newer one is gone",
      facts(holdingBackup({ ledger: gone, retention: explained })),
    ],
  ]
  it.each(rows)("%s", (_, given) => {
    expect(outcome(given)).toBe("restore")
  })
})

describe("fresh: no repository held anything of the volume when the request was there", () => {
  const rows: Row[] = [
    ["by a listing begun after the request arrived", facts(holdingNothing())],
    [
      "by a listing begun at that very moment",
      facts(
        holdingNothing({ listing: { kind: "listed", begunAt: REQUESTED_AT, ageMs: 0, depth: "contents" } }),
      ),
    ],
    [
      "and none of its guards either",
      facts(holdingNothing(), [guard(), guard({ name: "old", engine: "restic" })]),
    ],
    [
      "in a repository that holds no snapshot at all",
      facts(holdingNothing({ conventions: { kind: "nothing_there" } })),
    ],
    [
      "although another volume shares its name: that one has no backup there either",
      facts(holdingNothing({ sharing: { kind: "shared", why: "cut", with: [] } })),
    ],
    [
      "although the ledger knew some, which our own recorded retention removed",
      facts(holdingNothing({ ledger: gone, retention: explained })),
    ],
    ["in drop-in mode with a state directory that lasts", facts(holdingNothing(lent))],
    [
      "in drop-in mode without one, when the repository holds complete snapshots older than 24 h",
      facts(holdingNothing(lent), [], { state: lost }),
    ],
    ["at a place that is empty, fenced, declared new, and where nothing was ever seen", facts(newPlace())],
    [
      "at a place declared new whose folder does not exist yet",
      facts(newPlace({ listing: { kind: "failed", ...failed("missing") } })),
    ],
    ["at a new place beside a guard that holds nothing", facts(newPlace(), [guard()])],
    ["with a new guard that has no repository yet", facts(holdingNothing(), [newPlace({ name: "offsite" })])],
  ]
  it.each(rows)("%s", (_, given) => {
    expect(outcome(given)).toBe("fresh")
  })

  it.each<Row>([
    ["although a backup exists", facts(holdingBackup(), [], { freshOnce })],
    [
      "although nothing can be read",
      facts(holdingNothing({ listing: NOT_MEASURED, fence: NOT_MEASURED }), [], { freshOnce }),
    ],
    ["although no repository is declared", facts(holdingNothing(), [], { freshOnce, restore: nowhere })],
  ])("or because an administrator said so, for 15 minutes, %s", (_, given) => {
    const decision = decide(given)
    expect(decision).toMatchObject({
      decision: "fresh",
      rests: "fresh_once",
      evidence: { reason: "fresh_once" },
    })
  })
})

describe("unknown: everything else, with the first reason that applies", () => {
  const rows: (readonly [reason: string, sentence: string, facts: DecisionFacts])[] = [
    [
      "cluster_unclear",
      "the cluster that asks is unclear, whatever the rest says",
      facts(holdingBackup(), [], { cluster: unclear, freshOnce }),
    ],
    [
      "no_restore_repository",
      "no repository restores the volume",
      facts(holdingBackup(), [], { restore: nowhere }),
    ],

    [
      "store_fenced",
      "the store is fenced, although a backup was listed",
      facts(holdingBackup({ fence: broken })),
    ],
    [
      "store_fenced",
      "the store is fenced, and its bare mount point looks empty",
      facts(newPlace({ fence: broken })),
    ],
    ["store_fenced", "a guard's store is fenced", facts(holdingNothing(), [guard({ fence: broken })])],
    [
      "repository_missing",
      "the repository is gone, although a backup was listed before",
      facts(holdingBackup({ listing: { ...listed(10), laterFailure: failed("missing") } })),
    ],
    [
      "repository_missing",
      "no repository is there and none was declared new",
      facts(newPlace({ firstBackup: place({ declaredNew: false }) })),
    ],
    [
      "repository_missing",
      "it was declared new, but the ledger saw something there",
      facts(newPlace({ firstBackup: place({ everSeen: "repository 9f2c" }) })),
    ],
    [
      "repository_missing",
      "it was declared new, but the place is not empty",
      facts(newPlace({ firstBackup: place({ empty: false }) })),
    ],
    [
      "repository_missing",
      "a drop-in directory is empty, even if it were declared new",
      facts(newPlace(lent)),
    ],
    [
      "repository_missing",
      "foreign files are in its place",
      facts(newPlace({ listing: { kind: "failed", ...failed("missing"), code: "not_a_repository" } })),
    ],
    [
      "repository_unreadable",
      "the disk fails",
      facts(holdingNothing({ listing: { kind: "failed", ...failed("io") } })),
    ],
    [
      "repository_unreadable",
      "a guard cannot be read",
      facts(holdingNothing(), [guard({ listing: { kind: "failed", ...failed("unreadable") } })]),
    ],
    [
      "password_missing",
      "restic without the password holds nothing: never fresh",
      facts(
        namesOnly({
          pick: { kind: "nothing" },
          listing: { kind: "listed", begunAt: REQUESTED_AT, ageMs: 0, depth: "names" },
        }),
      ),
    ],
    [
      "password_missing",
      "restic without the password serves several volumes",
      facts(namesOnly({ perVolume: false })),
    ],
    [
      "wrong_password",
      "the password is wrong",
      facts(holdingBackup({ listing: { kind: "failed", ...failed("wrong_password") } })),
    ],
    [
      "index_lost",
      "index files vanished",
      facts(holdingNothing({ listing: { kind: "failed", ...failed("io"), code: "index_lost" } })),
    ],
    [
      "repository_corrupt",
      "a metadata file is damaged",
      facts(holdingNothing({ listing: { kind: "failed", ...failed("io"), code: "corrupt" } })),
    ],
    ["repository_changed", "the repository was swapped for another", facts(holdingNothing({ pin: changed }))],
    [
      "repository_changed",
      "the repository was swapped for another that holds a backup too",
      facts(holdingBackup({ pin: changed })),
    ],
    [
      "second_repository",
      "a second repository appeared under the export",
      facts(holdingBackup({ pin: { kind: "second_repository", places: ["a", "b"] } })),
    ],
    [
      "listing_too_old",
      "a backup was listed more than five minutes ago",
      facts(holdingBackup({ listing: listed(300_001) })),
    ],
    ["listing_too_old", "the wall clock jumped", facts(holdingBackup({ listing: listed(Infinity) }))],
    [
      "listing_too_old",
      "nothing was there before the request arrived",
      facts(
        holdingNothing({
          listing: { kind: "listed", begunAt: REQUESTED_AT - 1, ageMs: 1, depth: "contents" },
        }),
      ),
    ],
    [
      "listing_too_old",
      "a guard was listed before the request arrived",
      facts(holdingNothing(), [guard({ listing: listed(1) })]),
    ],
    [
      "not_listed_yet",
      "the daemon has just started",
      facts(holdingNothing({ listing: NOT_MEASURED, pick: NOT_MEASURED })),
    ],
    ["repository_not_pinned", "the pin has not been looked at", facts(holdingBackup({ pin: NOT_MEASURED }))],

    [
      "shared_identity",
      "a dot was dropped from its name",
      facts(holdingBackup({ sharing: { kind: "shared", why: "altered", with: ["home/myapp"] } })),
    ],
    [
      "newest_other_path",
      "the newest is of a parent path",
      facts(holdingBackup({}, [snapshot({ exact: false, of: "data-backup@home:/" })])),
    ],
    [
      "newest_incomplete",
      "the newest is a checkpoint on top of complete ones",
      facts(holdingBackup({}, [snapshot({ incomplete: "checkpoint" })])),
    ],
    [
      "newest_incomplete",
      "one of two that began in the same second is incomplete",
      facts(holdingBackup({}, [snapshot(), snapshot({ id: "b", incomplete: "canceled" })])),
    ],
    [
      "newest_damaged",
      "the newest is known to be damaged",
      facts(holdingBackup({}, [snapshot({ damage: { kind: "damaged", reasons: ["missing_pack"] } })])),
    ],
    [
      "newest_damaged",
      "one of two that began in the same second is damaged",
      facts(
        holdingBackup({}, [
          snapshot(),
          snapshot({ id: "b", damage: { kind: "damaged", reasons: ["wrong_tag"], paths: 1 } }),
        ]),
      ),
    ],
    [
      "newest_incomplete",
      "the newest is both incomplete and damaged: that it is not finished says more",
      facts(
        holdingBackup({}, [
          snapshot({ incomplete: "checkpoint", damage: { kind: "damaged", reasons: ["missing_pack"] } }),
        ]),
      ),
    ],
    [
      "names_not_proven",
      "restic without the password has a snapshot file that is not what its name says",
      facts(namesOnly({ namesProven: { kind: "unproven", what: "snapshot 4e is cut" } })),
    ],
    [
      "only_under_guard",
      "only a guard holds it",
      facts(holdingNothing(), [guard({ pick: { kind: "snapshot", candidates: [snapshot()] } })]),
    ],
    [
      "only_under_guard",
      "only a guard holds it, under an earlier name",
      facts(holdingNothing(), [guard({ elsewhere: elsewhere("earlier") })]),
    ],
    [
      "only_under_written_name",
      "`data-nfs` is written and `data-nfs-dst` is read",
      facts(holdingNothing({ elsewhere: elsewhere("written") })),
    ],
    [
      "only_under_written_name",
      "an earlier convention's name holds it",
      facts(holdingNothing({ elsewhere: elsewhere("earlier") })),
    ],
    ["newest_known_gone", "all that the ledger knew is gone", facts(holdingNothing({ ledger: gone }))],
    [
      "newest_known_gone",
      "the repository went back to an earlier state",
      facts(holdingBackup({ ledger: gone })),
    ],
    [
      "newest_known_gone",
      "all that the ledger knew of a guard is gone",
      facts(holdingNothing(), [guard({ ledger: gone })]),
    ],
    ["backup_running", "its first backup is being written", facts(holdingNothing({ running: running() }))],
    [
      "similar_identity",
      "an unclaimed identity looks like it",
      facts(holdingNothing({ similar: similar() })),
    ],
    [
      "similar_identity",
      "a folder by another scheme lies beside a new place",
      facts(newPlace({ similar: similar() })),
    ],
    [
      "convention_mismatch",
      "the repository's snapshots match none of its conventions",
      facts(holdingNothing({ conventions: { kind: "match_none" } })),
    ],
    [
      "held_by_finding",
      "a finding was set to hold its restore back",
      facts(holdingBackup({ findings: finding })),
    ],
    [
      "state_not_durable",
      "nothing lasts and the repository holds nothing old",
      facts(holdingNothing({ ...lent, oldestCompleteAgeMs: undefined }), [], { state: lost }),
    ],
    [
      "state_not_durable",
      "nothing lasts and the repository's oldest is of today",
      facts(holdingNothing({ ...lent, oldestCompleteAgeMs: 24 * 3_600_000 }), [], { state: lost }),
    ],
    ["not_measured", "the ledger has not been asked", facts(holdingBackup({ ledger: NOT_MEASURED }))],
  ]
  it.each(rows)("%s: %s", (reason, _, given) => {
    expect(outcome(given)).toBe(reason)
  })

  it("tells a fenced store before the damage that it may well explain", () => {
    const both = holdingBackup({ fence: broken, ledger: gone }, [snapshot({ incomplete: "checkpoint" })])
    expect(outcome(facts(both))).toBe("store_fenced")
  })

  it("tells of the restore repository before a guard with the same trouble", () => {
    const decision = decide(facts(holdingNothing({ fence: broken }), [guard({ fence: broken })]))
    expect(decision).toMatchObject({
      reason: "store_fenced",
      obstacles: [{ repository: "shared" }, { repository: "offsite" }],
    })
    expect(decision).toMatchObject({ message: expect.stringContaining('"shared"') as string })
  })

  it("always has an error for the wire, with code, fact and act", () => {
    for (const [reason, , given] of rows) {
      const decision = decide(given)
      if (decision.decision !== "unknown") throw new Error(`${reason} was decided`)
      expect(decision.error).toBe(`${reason}: ${decision.message} ${decision.hint}`)
      expect(decision.message).toMatch(/\w.*[.:]/)
      expect(decision.hint.length).toBeGreaterThan(10)
      expect(decision.evidence.reason).toBe(reason)
    }
  })
})

function listed(ageMs: number) {
  return {
    kind: "listed",
    begunAt: REQUESTED_AT - Math.min(ageMs, 900_000),
    ageMs,
    depth: "contents",
  } as const
}
function running() {
  return { kind: "running", writer: "data-backup@home", lastSeen: at("2026-11-21T02:00:00Z") } as const
}
function similar() {
  return { kind: "looked", found: [{ identity: "data@home:/data", why: "its bare name" }] } as const
}
function elsewhere(why: "written" | "earlier") {
  return { kind: "looked", held: [{ identity: "data-nfs@home:/data", why, snapshots: 4 }] } as const
}
function place(changes: { empty?: boolean; declaredNew?: boolean; everSeen?: string }) {
  return {
    kind: "looked" as const,
    begunAt: REQUESTED_AT + 5,
    empty: true,
    declaredNew: true,
    everSeen: undefined,
    ...changes,
  }
}
const gone = { kind: "newest_gone", identity: "data-backup@home:/data", start: 1n } as const
const explained = { kind: "explains_loss", run: "prune 7" } as const
const broken = { kind: "broken", store: "tank", message: "its filesystem is not mounted" } as const
const changed = { kind: "changed", pinned: "9f2c", found: "01ab" } as const
const lost = { kind: "does_not_last", directory: "/state", why: "it is a tmpfs" } as const
const freshOnce = { kind: "granted", by: "anna", until: 1n } as const
const nowhere = { kind: "none", message: "No repository serves home.", hint: "Declare one." } as const
const unclear = { kind: "unclear", message: "Two clusters fit.", hint: "Send a token." } as const
const finding = {
  kind: "looked",
  blocking: [{ code: "all_zero", message: "a file became all zeros" }],
} as const
