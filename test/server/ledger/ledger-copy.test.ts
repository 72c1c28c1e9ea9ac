import { describe, expect, it } from "vitest"
import type { Ledger } from "../../../server/ledger/index.js"
import { openLedger, restarted, taken } from "./ledger-under-test.js"

const pin = { engine: "kopia", repositoryId: "aaaa", fingerprint: "aaaa" } as const

function fill(ledger: Ledger): void {
  ledger.pins.pin("p", pin, 1)
  const complete = new Map([["a", [taken(1), taken(2)]]])
  ledger.sightings.record({ place: "p", repositoryId: "aaaa", complete, at: 1 })
  ledger.sightings.record({ place: "p", repositoryId: "aaaa", complete: new Map([["a", [taken(1)]]]), at: 2 })
}

/** As it lies in a store. */
function copied(ledger: Ledger): unknown {
  return JSON.parse(JSON.stringify(ledger.copy(9)))
}

describe("a copy of the ledger", () => {
  it("gives a rebuilt NAS all that was known", () => {
    const { ledger } = openLedger()
    fill(ledger)
    const { ledger: rebuilt, database } = openLedger()
    expect(rebuilt.adopt(copied(ledger))).toEqual({ pins: 1, identities: 1, snapshots: 2, conflicts: [] })
    for (const open of [() => rebuilt, () => restarted(database)]) {
      const known = open()
      expect(known.pins.check("p", pin, 3)).toEqual({ kind: "matches" })
      expect(known.everSaw("p")).toContain("1 identities")
      known.sightings.record({
        place: "p",
        repositoryId: "aaaa",
        complete: new Map([["a", [taken(1)]]]),
        at: 3,
      })
      expect(known.sightings.newestGone("p", "a")).toMatchObject({ start: taken(2).start, goneAt: 2 })
      expect(known.copy(9)).toEqual(ledger.copy(9))
    }
  })

  it("tells what is gone also where the listing since then is the one from before", () => {
    const { ledger } = openLedger()
    fill(ledger)
    const { ledger: rebuilt, database } = openLedger()
    const listed = { place: "p", repositoryId: "aaaa", complete: new Map([["a", [taken(1)]]]) }
    rebuilt.sightings.record({ ...listed, at: 3 })
    rebuilt.adopt(copied(ledger))
    for (const open of [() => rebuilt, () => restarted(database)]) {
      const known = open()
      known.sightings.record({ ...listed, at: 4 })
      expect(known.sightings.newestGone("p", "a")?.start).toBe(taken(2).start)
    }
  })

  it("changes nothing when it is adopted where it came from", () => {
    const { ledger } = openLedger()
    fill(ledger)
    const before = ledger.copy(9)
    expect(ledger.adopt(copied(ledger))).toMatchObject({ pins: 0, snapshots: 0 })
    expect(ledger.copy(9)).toEqual(before)
  })

  it("never replaces a pin, and names the places that differ", () => {
    const { ledger } = openLedger()
    fill(ledger)
    const { ledger: other } = openLedger()
    other.pins.pin("p", { ...pin, repositoryId: "bbbb" }, 1)
    expect(other.adopt(copied(ledger)).conflicts).toEqual(["p"])
    expect(other.pins.get("p")?.repositoryId).toBe("bbbb")
  })

  for (const [what, value] of [
    ["nothing", undefined],
    ["another format", { format: "x", version: 1 }],
    ["a later version", { format: "cistern-ledger", version: 2, exportedAt: 1, pins: [], identities: [] }],
    ["half a copy", { format: "cistern-ledger", version: 1, exportedAt: 1, pins: [] }],
  ] as const) {
    it(`is refused when it is ${what}`, () => {
      expect(() => openLedger().ledger.adopt(value)).toThrow(
        expect.objectContaining({ code: "not_a_ledger" }),
      )
    })
  }

  it("is adopted wholly or not at all", () => {
    const { ledger } = openLedger()
    fill(ledger)
    const copy = ledger.copy(9)
    const broken = {
      ...copy,
      identities: [...copy.identities, { ...copy.identities[0], identity: "b", snapshots: [["x"]] }],
    }
    const { ledger: other } = openLedger()
    expect(() => other.adopt(broken)).toThrow(expect.objectContaining({ code: "not_a_ledger" }))
    expect(other.everSaw("p")).toBeUndefined()
  })
})
