import { describe, expect, it } from "vitest"
import { openLedger, restarted } from "./ledger-under-test.js"

const volume = { cluster: "home", namespace: "media", pvc: "data" }
const minute = 60_000
const now = 1_700_000_000_000

describe("fresh once", () => {
  it("is a window of fifteen minutes for one volume", () => {
    const { ledger } = openLedger()
    ledger.freshOnce.allow(volume, "eva", now)
    expect(ledger.freshOnce.active(volume, now)).toMatchObject({ by: "eva", until: now + 15 * minute })
    expect(ledger.freshOnce.active(volume, now + 15 * minute - 1)).toBeDefined()
    expect(ledger.freshOnce.active(volume, now + 15 * minute)).toBeUndefined()
    expect(ledger.freshOnce.active({ ...volume, pvc: "other" }, now)).toBeUndefined()
    expect(ledger.freshOnce.active({ ...volume, cluster: "lab" }, now)).toBeUndefined()
  })

  it("outlives a restart, with its record", () => {
    const { ledger, database } = openLedger()
    ledger.freshOnce.allow(volume, "eva", now)
    const next = restarted(database)
    expect(next.freshOnce.active(volume, now + minute)).toBeDefined()
    expect(next.freshOnce.history()).toHaveLength(1)
  })

  it("ends with the first complete snapshot, for good", () => {
    const { ledger, database } = openLedger()
    ledger.freshOnce.allow(volume, "eva", now)
    ledger.freshOnce.allow(volume, "eva", now + 1)
    expect(ledger.freshOnce.end(volume, "first complete snapshot", now + minute)).toBe(true)
    expect(ledger.freshOnce.end(volume, "first complete snapshot", now + minute)).toBe(false)
    expect(ledger.freshOnce.active(volume, now + minute)).toBeUndefined()
    const next = restarted(database)
    expect(next.freshOnce.active(volume, now + minute)).toBeUndefined()
    expect(next.freshOnce.history()[0]?.ended).toEqual({ at: now + minute, why: "first complete snapshot" })
  })

  it("lists the windows that are open, of all volumes", () => {
    const { ledger } = openLedger()
    ledger.freshOnce.allow(volume, "eva", now)
    ledger.freshOnce.allow({ ...volume, pvc: "other" }, "ola", now + minute)
    expect(ledger.freshOnce.open(now + minute).map(({ by }) => by)).toEqual(["eva", "ola"])
    ledger.freshOnce.end(volume, "first complete snapshot", now + minute)
    expect(ledger.freshOnce.open(now + minute).map(({ by }) => by)).toEqual(["ola"])
    expect(ledger.freshOnce.open(now + 16 * minute)).toEqual([])
  })

  it("whose end could not be written is over all the same, and is written when that works again", () => {
    const { ledger, database } = openLedger()
    ledger.freshOnce.allow(volume, "eva", now)
    database.connection.pragma("query_only = ON")
    expect(ledger.freshOnce.end(volume, "first complete snapshot", now + minute)).toBe(true)
    expect(ledger.lastWriteError).toBeDefined()
    expect(ledger.freshOnce.active(volume, now + minute)).toBeUndefined()
    database.connection.pragma("query_only = OFF")
    ledger.freshOnce.retry()
    expect(ledger.lastWriteError).toBeUndefined()
    expect(restarted(database).freshOnce.active(volume, now + minute)).toBeUndefined()
  })

  it("is not open for a clock that was set back", () => {
    const { ledger } = openLedger()
    ledger.freshOnce.allow(volume, "eva", now)
    expect(ledger.freshOnce.active(volume, now - 1)).toBeUndefined()
  })

  for (const minutes of [0, -1, NaN, 1441, Infinity]) {
    it(`refuses a window of ${minutes} minutes`, () => {
      expect(() => openLedger().ledger.freshOnce.allow(volume, "eva", now, minutes)).toThrow(
        expect.objectContaining({ code: "invalid" }),
      )
    })
  }
})
