import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import {
  type OpenedScrubLedger,
  openScrubLedger,
  PlaceLedger,
  type ScrubLedgerOptions,
} from "../../../server/db/index.js"
import type { BlobRecord } from "../../../storage/scrub/index.js"
import { scratch } from "../../support/fixtures.js"
import { thrownBy } from "../../support/thrown.js"

const opened: OpenedScrubLedger[] = []
afterEach(() => {
  for (const { connection } of opened.splice(0)) connection.close()
})

function open(state: string, options: Partial<ScrubLedgerOptions> = {}): OpenedScrubLedger {
  const ledger = openScrubLedger(state, { alone: true, damaged: false, ...options })
  opened.push(ledger)
  return ledger
}

const DAY = 86_400_000

function record(fill: string, more: Partial<BlobRecord> = {}): BlobRecord {
  return { sha256: fill.repeat(64), length: 12, modified: 5n, firstSeen: 10, lastChecked: 20, ...more }
}

describe("the ledger of the daemon's scrubs", () => {
  it("remembers of each place what was read there, privately, over its end", () => {
    const state = scratch()
    const first = open(state)
    // Later than 64 bits of nanoseconds reach.
    const late = record("a", { modified: 99_999_999_999_999_999_999n })
    new PlaceLedger(first.connection, "one").checked(new Map([["p/1", late]]))
    new PlaceLedger(first.connection, "other").checked(new Map([["p/1", record("b")]]))
    expect(statSync(join(state, "scrub.sqlite")).mode & 0o777).toBe(0o600)
    expect(statSync(join(state, "scrub.sqlite-wal")).mode & 0o777).toBe(0o600)
    first.connection.close()
    opened.pop()
    const { connection, lost } = open(state)
    expect(lost).toBeUndefined()
    const one = new PlaceLedger(connection, "one")
    expect(one.known("p/1")).toEqual(late)
    expect([...one.paths()]).toEqual(["p/1"])
    expect(new PlaceLedger(connection, "other").known("p/1")).toEqual(record("b"))
    expect(new PlaceLedger(connection, "third").known("p/1")).toBeUndefined()
    expect(connection.pragma("synchronous", { simple: true })).toBe(2)
  })

  it("gives more paths than one page holds, each once", () => {
    const ledger = new PlaceLedger(open(scratch()).connection, "one")
    const names = Array.from({ length: 25_000 }, (_, at) => `p${at.toString(16)}`)
    ledger.checked(new Map(names.map((name) => [name, record("a")])))
    expect([...ledger.paths()]).toEqual([...names].sort())
  })

  it.each([
    ["sha256", "zeroblob(32)"],
    ["length", "13"],
    ["modified", "'6'"],
    ["checked", "1"],
  ])(
    "does not believe a row whose %s is another than was written: that is no damage of the blob",
    (column, value) => {
      const { connection } = open(scratch())
      const ledger = new PlaceLedger(connection, "one")
      ledger.checked(new Map([["p/1", record("a")]]))
      connection.exec(`UPDATE blob SET ${column} = ${value}`)
      expect(ledger.known("p/1")).toBeUndefined()
      expect([...ledger.damagedRows]).toEqual(["p/1"])
    },
  )

  it("knows for 90 days what a blob that went must be, when it comes back", () => {
    const { connection } = open(scratch())
    let now = 1_000 * DAY
    const ledger = new PlaceLedger(connection, "one", () => now)
    ledger.checked(new Map(["a", "b", "c"].map((path) => [path, record("a")])))
    ledger.listed(new Set(["a"]))
    now += 80 * DAY
    ledger.listed(new Set(["a", "b"]))
    now += 11 * DAY
    ledger.listed(new Set(["a"]))
    expect([...ledger.paths()]).toEqual(["a", "b"])
    now += 91 * DAY
    ledger.listed(new Set(["a"]))
    expect([...ledger.paths()]).toEqual(["a"])
  })

  it("remembers since when something is not right, and for a while what was odd", () => {
    const { connection } = open(scratch())
    let now = 1_000
    const ledger = new PlaceLedger(connection, "one", () => now)
    ledger.setTroubles(
      new Map([
        ["a", "corrupt"],
        ["b", "io"],
      ]),
    )
    expect(ledger.oddities([["unsteady", "x"]], 100)).toEqual(new Map([["unsteady", ["x"]]]))
    now = 1_050
    ledger.setTroubles(
      new Map([
        ["a", "corrupt"],
        ["b", "corrupt"],
      ]),
    )
    expect(ledger.troubles()).toEqual(
      new Map([
        ["a", { code: "corrupt", since: 1_000 }],
        ["b", { code: "corrupt", since: 1_050 }],
      ]),
    )
    now = 1_101
    expect(ledger.oddities([], 100)).toEqual(new Map())
  })
})

const PAGE = 4096

/** A ledger of some pages, closed, with its file damaged. */
function damagedState(damage: (bytes: Buffer) => void): { state: string; bytes: Buffer } {
  const state = scratch()
  const { connection } = openScrubLedger(state, { alone: true, damaged: false })
  const names = Array.from({ length: 2_000 }, (_, at) => `p/${at}`)
  new PlaceLedger(connection, "one").checked(new Map(names.map((name) => [name, record("a")])))
  connection.close()
  const file = join(state, "scrub.sqlite")
  const bytes = readFileSync(file)
  damage(bytes)
  writeFileSync(file, bytes)
  return { state, bytes }
}

describe("a ledger whose file is damaged", () => {
  const header = (bytes: Buffer): void => {
    bytes.fill(0x55, 0, 100)
  }

  it("is kept aside and told, also by later runs, and learnt anew", () => {
    const { state, bytes } = damagedState(header)
    const { connection, lost } = open(state)
    expect(lost?.file).toMatch(/scrub\.sqlite\.damaged-\d{4}-/)
    expect(readFileSync(lost?.file ?? "").equals(bytes)).toBe(true)
    expect(new PlaceLedger(connection, "one").known("p/1")).toBeUndefined()
    expect(open(state).lost).toEqual(lost)
  })

  it("is left as it is while others use it", () => {
    const { state, bytes } = damagedState(header)
    expect(thrownBy(() => open(state, { alone: false }))).toMatchObject({
      code: "unstable",
      facts: { ledger: "damaged" },
    })
    expect(readdirSync(state).filter((name) => name.includes("damaged"))).toEqual([])
    expect(readFileSync(join(state, "scrub.sqlite")).equals(bytes)).toBe(true)
  })

  it("in its middle is told by what reads there, and set aside by the next that is alone", () => {
    const { state } = damagedState((bytes) => {
      for (let page = 20; page < bytes.length / PAGE; page++) bytes.fill(0x55, page * PAGE, (page + 1) * PAGE)
    })
    const { connection, lost } = open(state)
    expect(lost).toBeUndefined()
    const ledger = new PlaceLedger(connection, "one")
    const failure = thrownBy(() => [...ledger.paths()].map((path) => ledger.known(path)))
    expect(failure).toMatchObject({ code: "unstable", facts: { ledger: "damaged" } })
    connection.close()
    opened.pop()
    expect(open(state, { damaged: true }).lost).toBeDefined()
    expect(existsSync(join(state, "scrub.sqlite"))).toBe(true)
  })

  it("is no ledger that a later version wrote: that one is refused and left alone", () => {
    const state = scratch()
    const { connection } = openScrubLedger(state, { alone: true, damaged: false })
    connection.pragma("user_version = 99")
    connection.close()
    expect(thrownBy(() => open(state))).toMatchObject({ code: "unsupported" })
    expect(readdirSync(state).filter((name) => name.includes("damaged"))).toEqual([])
  })
})
