import { execFileSync } from "node:child_process"
import { rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Ledger, ListedSnapshot } from "../../../server/ledger/index.js"
import { scratch } from "../../support/fixtures.js"
import { mountTmpfs } from "../../support/mounts.js"
import { openLedger, restarted, taken } from "./ledger-under-test.js"

const place = "tank/kopia"
const identity = "data-backup@media:/data"

function list(ledger: Ledger, snapshots: readonly ListedSnapshot[], at = 1_000): void {
  ledger.sightings.record({ place, repositoryId: "r1", complete: new Map([[identity, snapshots]]), at })
}

function listNothing(ledger: Ledger, at = 2_000): void {
  ledger.sightings.record({ place, repositoryId: "r1", complete: new Map(), at })
}

function gone(ledger: Ledger): bigint | undefined {
  return ledger.sightings.newestGone(place, identity)?.start
}

function writeUntilFull(file: string): void {
  expect(() => {
    for (;;) writeFileSync(file, Buffer.alloc(4096), { flag: "a" })
  }).toThrow("ENOSPC")
}

describe("the newest known snapshot", () => {
  it("is not gone while it is listed", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2)])
    expect(gone(ledger)).toBeUndefined()
  })

  it("is gone when only older ones are left", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2)])
    list(ledger, [taken(1)], 5_000)
    expect(ledger.sightings.newestGone(place, identity)).toEqual({
      start: taken(2).start,
      root: "k2",
      goneAt: 5_000,
    })
  })

  it("is gone when the whole identity is", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2)])
    listNothing(ledger)
    expect(gone(ledger)).toBe(taken(2).start)
  })

  it("is gone also after a restart that finds the same listing as before", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(1), taken(2)])
    list(ledger, [taken(1)], 5_000)
    const next = restarted(database)
    list(next, [taken(1)], 6_000)
    expect(next.sightings.newestGone(place, identity)).toMatchObject({ start: taken(2).start, goneAt: 5_000 })
  })

  it("is gone also when that is noticed only after a restart", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(1), taken(2)])
    const next = restarted(database)
    expect(gone(next)).toBeUndefined()
    list(next, [taken(1)])
    expect(gone(next)).toBe(taken(2).start)
  })

  it("stays gone over a restart, for ever", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(1), taken(2)])
    listNothing(ledger)
    const next = restarted(database)
    listNothing(next)
    expect(gone(next)).toBe(taken(2).start)
  })

  it("is no matter once a newer one is there", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2)])
    list(ledger, [taken(1), taken(3)])
    expect(gone(ledger)).toBeUndefined()
  })

  it("is not replaced by another content of the same start", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(2)])
    list(ledger, [taken(2, { root: "other", id: "other" })])
    expect(gone(ledger)).toBe(taken(2).start)
  })

  it("is the same after it was pinned or tagged, when its id is another", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(1), taken(2)])
    list(ledger, [taken(1), taken(2, { id: "after kopia snapshot pin" })])
    expect(gone(ledger)).toBeUndefined()
    const next = restarted(database)
    list(next, [taken(1), taken(2, { id: "and again" })])
    expect(gone(next)).toBeUndefined()
  })

  it("is no longer gone when it comes back", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2)])
    list(ledger, [taken(1)])
    list(ledger, [taken(1), taken(2)])
    expect(gone(ledger)).toBeUndefined()
  })

  it("is not affected by older ones that retention removed", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2), taken(3)])
    list(ledger, [taken(3)])
    expect(gone(ledger)).toBeUndefined()
  })

  it("is looked at for each identity and place by itself", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1)])
    ledger.sightings.record({ place: "other", repositoryId: "r2", complete: new Map(), at: 1 })
    expect(gone(ledger)).toBeUndefined()
    expect(ledger.sightings.newestGone("other", identity)).toBeUndefined()
  })

  it("has nanoseconds, and times that no database holds do no harm", () => {
    const { ledger, database } = openLedger()
    const year1 = { id: "a", start: -62_135_596_800_000_000_000n, root: "k1" }
    const year3000 = { id: "b", start: 32_503_680_000_000_000_001n, root: "k2" }
    list(ledger, [year1, taken(5), year3000])
    const next = restarted(database)
    list(next, [year1, taken(5), year3000])
    expect(gone(next)).toBeUndefined()
    list(next, [year1, taken(5)])
    expect(gone(next)).toBe(2n ** 63n - 1n)
  })
})

describe("a snapshot known by its name only, without the password", () => {
  const named = (second: number) => taken(second, { root: undefined })

  it("is the same one when the password comes and shows an earlier start", () => {
    const { ledger } = openLedger()
    list(ledger, [named(10)])
    list(ledger, [taken(8, { id: "id10" })])
    expect(gone(ledger)).toBeUndefined()
    list(ledger, [taken(8, { id: "tagged since" })])
    expect(gone(ledger)).toBeUndefined()
    listNothing(ledger)
    expect(gone(ledger)).toBe(taken(8).start)
  })

  it("is the same one when the password is taken away", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(8, { id: "a" })])
    list(ledger, [named(10), taken(9, { id: "a", root: undefined })])
    expect(gone(ledger)).toBeUndefined()
  })

  it("is missed by its name", () => {
    const { ledger } = openLedger()
    list(ledger, [named(1), named(2)])
    list(ledger, [named(1)])
    expect(gone(ledger)).toBe(taken(2).start)
  })
})

describe("what is gone", () => {
  const which = { place, identity, start: taken(2).start, root: "k2" }

  it("may be acknowledged, exactly that and nothing else, for good", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(1), taken(2)])
    list(ledger, [taken(1)])
    for (const wrong of [
      { start: taken(1).start, root: "k1" },
      { root: "k3" },
      { identity: "other" },
      { place: "x" },
    ]) {
      expect(() => {
        ledger.sightings.explain({ ...which, ...wrong }, "acknowledged", "eva", 1)
      }).toThrow(expect.objectContaining({ name: "LedgerError", code: "stale" }))
    }
    ledger.sightings.explain(which, "acknowledged", "eva", 1)
    expect(gone(ledger)).toBeUndefined()
    const next = restarted(database)
    list(next, [taken(1)])
    expect(gone(next)).toBeUndefined()
  })

  it("shows the next one that is gone once the newest is explained", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(1), taken(2)])
    listNothing(ledger)
    ledger.sightings.explain(which, "pruned", "prune 7", 1)
    expect(gone(ledger)).toBe(taken(1).start)
  })

  it("is unexplained again when it came back and went again", () => {
    const { ledger } = openLedger()
    list(ledger, [taken(2)])
    listNothing(ledger)
    ledger.sightings.explain(which, "acknowledged", "eva", 1)
    list(ledger, [taken(2)])
    listNothing(ledger)
    expect(gone(ledger)).toBe(taken(2).start)
  })

  it("is forgotten with its place when a person gives that up, and only there", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(2)])
    ledger.sightings.record({
      place: "other",
      repositoryId: "",
      complete: new Map([["a", [taken(1)]]]),
      at: 1,
    })
    ledger.sightings.closePlace(place, "eva", 9)
    for (const open of [() => ledger, () => restarted(database)]) {
      const known = open()
      listNothing(known)
      expect(gone(known)).toBeUndefined()
      expect(known.everSaw(place)).toBeUndefined()
      expect(known.everSaw("other")).toBeDefined()
    }
  })

  it("counts again when the given-up place shows a backup anew", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(2)])
    ledger.sightings.closePlace(place, "eva", 9)
    list(ledger, [taken(2), taken(3)])
    listNothing(ledger)
    expect(gone(ledger)).toBe(taken(3).start)
    expect(restarted(database).sightings.sawIdentity(place, identity)).toBe(true)
  })
})

describe("what was ever seen", () => {
  it("is nothing at first, not even after an empty listing", () => {
    const { ledger } = openLedger()
    listNothing(ledger)
    expect(ledger.everSaw(place)).toBeUndefined()
    expect(ledger.sightings.sawIdentity(place, identity)).toBe(false)
  })

  it("includes identities of which only incomplete snapshots were there", () => {
    const { ledger, database } = openLedger()
    list(ledger, [])
    const next = restarted(database)
    expect(next.sightings.sawIdentity(place, identity)).toBe(true)
    expect(next.everSaw(place)).toContain("1 identities")
    listNothing(next)
    expect(gone(next)).toBeUndefined()
  })

  it("includes a pin alone", () => {
    const { ledger } = openLedger()
    ledger.pins.pin(place, { engine: "kopia", repositoryId: "abc", fingerprint: "abc" }, 1)
    expect(ledger.everSaw(place)).toBe("the kopia repository abc")
  })
})

describe("recording a part of a generation", () => {
  function change(
    ledger: Ledger,
    complete: Record<string, readonly ListedSnapshot[]>,
    absent: string[] = [],
  ): void {
    ledger.sightings.record({
      place,
      repositoryId: "r1",
      complete: new Map(Object.entries(complete)),
      absent,
      at: 3_000,
    })
  }

  it("leaves the identities alone that it does not name", () => {
    const { ledger } = openLedger()
    change(ledger, { a: [taken(1)], b: [taken(2)] })
    change(ledger, { b: [taken(2), taken(3)] })
    expect(ledger.sightings.newestGone(place, "a")).toBeUndefined()
    change(ledger, {}, ["b"])
    expect(ledger.sightings.newestGone(place, "a")).toBeUndefined()
    expect(ledger.sightings.newestGone(place, "b")?.start).toBe(taken(3).start)
  })

  it("writes what could not be written earlier, though it does not name it", () => {
    const directory = join(scratch(), "state")
    mountTmpfs(directory, "1m")
    const { ledger, database } = openLedger(directory)
    writeUntilFull(join(directory, "ballast"))
    const many = Array.from({ length: 3000 }, (_, n) => [`identity ${n}`, n === 7 ? [] : [taken(n)]] as const)
    change(ledger, Object.fromEntries(many))
    expect(ledger.lastWriteError).toMatchObject({ code: "full" })
    execFileSync("mount", ["-o", "remount,size=16m", directory])
    change(ledger, {})
    expect(ledger.lastWriteError).toBeUndefined()
    const next = restarted(database)
    expect(next.sightings.identities(place)).toHaveLength(3000)
    change(next, {}, ["identity 2999"])
    expect(next.sightings.newestGone(place, "identity 2999")?.start).toBe(taken(2999).start)
  })
})

describe("recording", () => {
  it("writes only what is new, and nothing when nothing is", () => {
    const { ledger, database } = openLedger()
    const changes = () =>
      database.connection.prepare<[], number>("SELECT total_changes()").pluck().get() ?? NaN
    const snapshots = Array.from({ length: 50 }, (_, n) => taken(n))
    list(ledger, snapshots)
    const before = changes()
    list(ledger, snapshots)
    list(
      ledger,
      snapshots.map((snapshot) => ({ ...snapshot })),
    )
    expect(changes()).toBe(before)
    list(ledger, [...snapshots, taken(99)])
    expect(changes() - before).toBe(2)
  })

  it("writes nothing for the first listing after a restart when it shows what is known", () => {
    const { ledger, database } = openLedger()
    list(ledger, [taken(1)])
    const next = restarted(database)
    const sizes = () => statSync(join(database.directory, "state.sqlite-wal")).size
    const before = sizes()
    list(next, [taken(1)])
    expect(sizes()).toBe(before)
  })

  it("goes on in memory on a full disk, says so, and catches up", () => {
    const directory = join(scratch(), "state")
    mountTmpfs(directory, "1m")
    const { ledger, database } = openLedger(directory)
    list(ledger, [taken(1)])
    const ballast = join(directory, "ballast")
    writeUntilFull(ballast)
    // Larger than what the journal may still have in hand.
    const many = new Map(Array.from({ length: 3000 }, (_, n) => [`identity ${n}`, [taken(n + 1)]] as const))
    ledger.sightings.record({
      place,
      repositoryId: "r1",
      complete: new Map([...many, [identity, [taken(2)]]]),
      at: 1,
    })
    expect(ledger.lastWriteError).toMatchObject({ code: "full" })
    listNothing(ledger)
    expect(gone(ledger)).toBe(taken(2).start)
    expect(ledger.sightings.sawIdentity(place, "identity 7")).toBe(true)

    rmSync(ballast)
    execFileSync("mount", ["-o", "remount,size=16m", directory])
    listNothing(ledger)
    expect(ledger.lastWriteError).toBeUndefined()
    const next = restarted(database)
    listNothing(next)
    expect(gone(next)).toBe(taken(2).start)
    expect(next.sightings.newestGone(place, "identity 2999")?.start).toBe(taken(3000).start)
  })
})
