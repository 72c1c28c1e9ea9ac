import { describe, expect, it } from "vitest"
import { quoted } from "../../../server/decision/acts.js"
import { decide, freshOnceFact, NOT_MEASURED, REASONS, type Unknown } from "../../../server/decision/index.js"
import { at, facts, holdingBackup, holdingNothing, namesOnly, snapshot } from "./known-facts.js"

function unknown(given: Parameters<typeof decide>[0]): Unknown {
  const decision = decide(given)
  if (decision.decision !== "unknown") throw new Error(`it was ${decision.decision}`)
  return decision
}

describe("the evidence of an answer", () => {
  it("names the repository, the snapshots and their figures", () => {
    const proofs = {
      verified: { kind: "at", time: at("2026-11-20T12:00:00Z"), ok: true },
      drilled: { kind: "at", time: at("2026-11-20T13:00:00Z"), ok: false },
    } as const
    expect(decide(facts(holdingBackup(), [], proofs)).evidence).toEqual({
      repository: "shared",
      snapshots: 3,
      newest: "2026-11-20T03:00:00Z",
      oldest: "2026-11-01T03:00:00Z",
      bytes: 4096,
      files: 7,
      verified: "2026-11-20T12:00:00Z",
      drilled: null,
      reason: "complete_snapshot",
    })
  })

  it("has its keys in the order of the contract", () => {
    expect(Object.keys(decide(facts(holdingNothing())).evidence).join(" ")).toBe(
      "repository snapshots newest oldest bytes files verified drilled reason",
    )
  })

  it("says null, and no figure, where nothing was listed", () => {
    const { evidence } = decide(facts(holdingBackup({ listing: NOT_MEASURED })))
    expect(evidence).toMatchObject({ repository: "shared", snapshots: null, newest: null, bytes: null })
  })

  it("comes with the identity that was looked up, in the engine's own form", () => {
    expect(decide(facts(holdingNothing())).source).toBe("data-backup@home:/data")
    expect(decide(facts(namesOnly())).source).toBe("home/data/")
  })
})

describe("the hint is an act", () => {
  it("the exact deletion and the exact time to restore instead, for an incomplete newest", () => {
    const newest = snapshot({ id: "5d2c", start: at("2026-11-21T03:00:00Z"), incomplete: "checkpoint" })
    const { hint } = unknown(facts(holdingBackup({}, [newest])))
    expect(hint).toContain("`kopia snapshot delete 5d2c --delete`")
    expect(hint).toContain("`restoreAsOf: 2026-11-20T03:00:00Z`")
  })

  it("no time to restore instead where there is no complete one before it", () => {
    const newest = snapshot({ incomplete: "checkpoint", start: at("2026-11-20T03:00:00Z") })
    const { hint } = unknown(facts(holdingBackup({}, [newest])))
    expect(hint).not.toContain("restoreAsOf")
  })

  it("the engine's own deletion", () => {
    const newest = snapshot({ exact: false })
    expect(unknown(facts(holdingBackup({ engine: "restic" }, [newest]))).hint).toContain("`restic forget ")
  })

  it("what to compare, for names that do not fit; with restic, whose place is its name, there is no convention", () => {
    const conventions = { kind: "match_none" } as const
    expect(unknown(facts(holdingNothing({ conventions }))).hint).toContain("`conventions:`")
    const restic = unknown(facts(holdingNothing({ conventions, engine: "restic" })))
    expect(restic.message).toContain("none of /data")
    expect(restic.hint).not.toContain("conventions")
  })

  it("`cistern stores accept` for a fenced store", () => {
    const fence = { kind: "broken", store: "tank", message: "its filesystem is another one" } as const
    expect(unknown(facts(holdingBackup({ fence }))).hint).toContain("`cistern stores accept tank`")
  })

  it("the listing's own hint, where its error has one", () => {
    const listing = {
      kind: "failed",
      code: "io",
      message: "EIO",
      hint: "Replace the disk.",
      begunAt: 0,
    } as const
    expect(unknown(facts(holdingBackup({ listing }))).hint).toBe("Replace the disk.")
  })

  it("the acknowledgement of exactly this change, with the directory where there is a tree of repositories", () => {
    const pin = { kind: "changed", pinned: "9f2c", found: "01ab" } as const
    expect(unknown(facts(holdingBackup({ pin }))).hint).toContain(
      "`cistern repositories accept shared --id 01ab`",
    )
    expect(unknown(facts(namesOnly({ pin }))).hint).toContain(
      "`cistern repositories accept shared --path restic/home/data --id 01ab`",
    )
    const listing = {
      kind: "failed",
      code: "index_lost",
      message: "gone",
      hint: "Bring it back.",
      begunAt: 0,
    } as const
    expect(unknown(facts(holdingBackup({ listing }))).hint).toBe(
      "Bring it back. If it was rolled back on purpose: `cistern repositories accept shared --lost-index`.",
    )
  })

  describe("of a damaged newest snapshot", () => {
    const damage = { kind: "damaged", reasons: ["missing_pack"], paths: 3 } as const
    const newest = snapshot({ id: "new", start: at("2026-11-20T03:00:00Z"), damage })
    const history = {
      snapshots: 3,
      complete: 3,
      newestComplete: newest.start,
      oldest: at("2026-11-01T03:00:00Z"),
    }
    const read = { level: "read", at: at("2026-11-19T05:00:00Z") }

    it("is to go back to the newest good one: by the mover, by our own reader, or by deleting it", () => {
      const newestSound = { id: "old", start: at("2026-11-18T03:00:00.5Z"), proven: read }
      const answer = unknown(facts(holdingBackup({ history: { ...history, newestSound } }, [newest])))
      expect(answer.reason).toBe("newest_damaged")
      expect(answer.message).toBe(
        "Snapshot new of 2026-11-20T03:00:00Z, which the mover would take, is damaged: missing_pack (3 files and folders). " +
          "The newest that is not known to be damaged is old of 2026-11-18T03:00:00.5Z (read on 2026-11-19T05:00:00Z).",
      )
      expect(answer.hint).toBe(
        "Bring the damaged files back from a copy of the repository, or delete it with `kopia snapshot delete new --delete`, or set " +
          "`restoreAsOf: 2026-11-18T03:00:00.5Z` in the ReplicationDestination. " +
          "Its files of then: `cistern restore old --at /mnt/tank/kopia --password-file FILE --to DIRECTORY`.",
      )
    })

    it("says so when none is good, and names no time to go back to", () => {
      const answer = unknown(
        facts(holdingBackup({ history: { ...history, newestSound: undefined } }, [newest])),
      )
      expect(answer.message).toContain("No other complete snapshot of it is there that is not damaged.")
      expect(answer.hint).not.toContain("restoreAsOf")
      expect(answer.hint).not.toContain("cistern restore")
    })

    it("says that the good one was not verified, when nobody did", () => {
      const newestSound = { id: "old", start: at("2026-11-18T03:00:00Z") }
      const answer = unknown(facts(holdingBackup({ history: { ...history, newestSound } }, [newest])))
      expect(answer.message).toContain("is old of 2026-11-18T03:00:00Z (not verified yet).")
    })

    it("never sends the mover of an incomplete newest one to a damaged one", () => {
      const checkpoint = snapshot({ id: "cp", start: at("2026-11-21T03:00:00Z"), incomplete: "checkpoint" })
      const newestSound = { id: "old", start: at("2026-11-18T03:00:00Z") }
      const answer = unknown(facts(holdingBackup({ history: { ...history, newestSound } }, [checkpoint])))
      expect(answer.hint).toContain("restoreAsOf: 2026-11-18T03:00:00Z")
    })
  })

  it("`cistern fresh-once` where only a guard holds the volume and it may start empty all the same", () => {
    const guard = holdingNothing({ pick: { kind: "snapshot", candidates: [snapshot()] } })
    expect(unknown(facts(holdingNothing(), [guard])).hint).toContain("`cistern fresh-once home/data`")
  })

  it("a line to paste, in which a name out of a repository can do no harm", () => {
    expect(quoted("data@home:/data")).toBe("data@home:/data")
    expect(quoted("x; rm -rf ~ 'y'")).toBe(`'x; rm -rf ~ '\\''y'\\'''`)
    const ledger = { kind: "newest_gone", identity: "$(reboot)@home:/data", start: 1n } as const
    expect(unknown(facts(holdingBackup({ ledger }))).hint).toContain("--gone '$(reboot)@home:/data'`")
  })
})

describe("the codes of reasons", () => {
  it("are stable", () => {
    expect(Object.keys(REASONS).join(" ")).toBe(
      "cluster_unclear no_restore_repository store_fenced store_not_checked repository_missing repository_unreadable " +
        "password_missing wrong_password repository_corrupt index_lost repository_unsupported repository_busy " +
        "repository_changed second_repository repository_not_pinned not_listed_yet listing_too_old shared_identity " +
        "newest_other_path newest_incomplete newest_damaged names_not_proven only_under_guard only_under_written_name " +
        "newest_known_gone backup_running similar_identity convention_mismatch held_by_finding state_not_durable " +
        "not_measured",
    )
  })
})

describe("fresh once", () => {
  const grant = { by: "anna", grantedAt: at("2026-11-21T10:00:00Z") }

  it.each([
    ["2026-11-21T10:00:00Z", "granted"],
    ["2026-11-21T10:14:59.999999999Z", "granted"],
    ["2026-11-21T10:15:00Z", "not_granted"],
    ["2026-11-21T09:59:59Z", "not_granted"],
  ])("at %s is %s, when it was given at 10:00", (now, kind) => {
    expect(freshOnceFact(grant, at(now), undefined).kind).toBe(kind)
  })

  it("ends with the first complete snapshot since, and not because of older ones", () => {
    const now = at("2026-11-21T10:05:00Z")
    expect(freshOnceFact(grant, now, at("2026-11-21T09:00:00Z")).kind).toBe("granted")
    expect(freshOnceFact(grant, now, at("2026-11-21T10:03:00Z")).kind).toBe("not_granted")
  })

  it("is not granted where nobody granted it", () => {
    expect(freshOnceFact(undefined, 1n, undefined)).toEqual({ kind: "not_granted" })
  })
})
