import { describe, expect, it } from "vitest"
import type { Pin } from "../../../server/db/index.js"
import { openLedger, restarted } from "./ledger-under-test.js"

const kopia: Pin = { engine: "kopia", repositoryId: "aaaa", fingerprint: "aaaa" }
const restic: Pin = { engine: "restic", repositoryId: "bbbb", fingerprint: "config+keys" }
const locked: Pin = { ...restic, repositoryId: "" }

describe("a pin", () => {
  it("is new until it is pinned, and kept over a restart", () => {
    const { ledger, database } = openLedger()
    expect(ledger.pins.check("p", kopia, 1)).toEqual({ kind: "new" })
    ledger.pins.pin("p", kopia, 1)
    expect(restarted(database).pins.check("p", kopia, 2)).toEqual({ kind: "matches" })
  })

  it("does not match another repository with the same password, nor another engine's", () => {
    const { ledger } = openLedger()
    ledger.pins.pin("p", kopia, 1)
    const swapped = { ...kopia, repositoryId: "cccc", fingerprint: "cccc" }
    expect(ledger.pins.check("p", swapped, 2)).toEqual({ kind: "changed", from: kopia, to: swapped })
    expect(ledger.pins.check("p", restic, 2)).toMatchObject({ kind: "changed" })
    expect(ledger.pins.check("p", kopia, 3)).toEqual({ kind: "matches" })
  })

  it("is never replaced by pinning again", () => {
    const { ledger } = openLedger()
    ledger.pins.pin("p", kopia, 1)
    expect(() => {
      ledger.pins.pin("p", restic, 2)
    }).toThrow(expect.objectContaining({ code: "stale" }))
    expect(ledger.pins.get("p")).toMatchObject(kopia)
  })

  it("by fingerprint is completed when the password comes", () => {
    const { ledger, database } = openLedger()
    ledger.pins.pin("p", locked, 1)
    expect(ledger.pins.check("p", restic, 2)).toEqual({ kind: "matches" })
    const next = restarted(database)
    expect(next.pins.get("p")).toMatchObject(restic)
    expect(next.pins.check("p", { ...restic, repositoryId: "cccc" }, 3)).toMatchObject({ kind: "changed" })
  })

  it("with an id still matches by fingerprint when the password is taken away", () => {
    const { ledger } = openLedger()
    ledger.pins.pin("p", restic, 1)
    expect(ledger.pins.check("p", locked, 2)).toEqual({ kind: "matches" })
    expect(ledger.pins.get("p")).toMatchObject(restic)
  })

  it("follows new keys where the id proves the repository, and not without", () => {
    const { ledger } = openLedger()
    ledger.pins.pin("p", restic, 1)
    const moreKeys = { ...restic, fingerprint: "config+more keys" }
    expect(ledger.pins.check("p", moreKeys, 2)).toEqual({ kind: "matches" })
    expect(ledger.pins.get("p")).toMatchObject(moreKeys)
    expect(ledger.pins.check("p", { ...locked, fingerprint: "third" }, 3)).toMatchObject({ kind: "changed" })
  })
})

describe("a change of a pin", () => {
  const swapped: Pin = { engine: "kopia", repositoryId: "cccc", fingerprint: "cccc" }

  it("is acknowledged exactly, and remembered with who did it", () => {
    const { ledger, database } = openLedger()
    ledger.pins.pin("p", kopia, 1)
    const change = { place: "p", was: kopia, becomes: swapped, at: 5, by: "eva" }
    expect(() => {
      ledger.pins.acknowledge({ ...change, was: { ...kopia, repositoryId: "dddd" } })
    }).toThrow(expect.objectContaining({ code: "stale" }))
    expect(ledger.pins.check("p", kopia, 2)).toEqual({ kind: "matches" })
    ledger.pins.acknowledge(change)
    const next = restarted(database)
    expect(next.pins.check("p", swapped, 6)).toEqual({ kind: "matches" })
    expect(next.pins.check("p", kopia, 6)).toMatchObject({ kind: "changed" })
    expect(next.pins.changes("p")).toEqual([change])
  })

  it("may be that the repository was given up", () => {
    const { ledger, database } = openLedger()
    ledger.pins.pin("p", kopia, 1)
    ledger.pins.acknowledge({ place: "p", was: kopia, becomes: undefined, at: 5, by: "eva" })
    expect(ledger.pins.check("p", swapped, 6)).toEqual({ kind: "new" })
    expect(restarted(database).pins.check("p", swapped, 6)).toEqual({ kind: "new" })
  })
})
