import { describe, expect, it } from "vitest"
import { openLedger, restarted } from "./ledger-under-test.js"

const volume = { cluster: "home", namespace: "media", pvc: "data" }
const day = 86_400_000
const now = 1_700_000_000_000

describe("volumes that were asked for", () => {
  it("are counted at once and kept once flushed", () => {
    const { ledger, database } = openLedger()
    ledger.asked.note(volume, "unknown", now)
    ledger.asked.note(volume, "restore", now + 5)
    const expected = { ...volume, firstAsked: now, lastAsked: now + 5, count: 2, lastDecision: "restore" }
    expect(ledger.asked.all()).toEqual([expected])
    ledger.asked.flush(now + 10)
    expect(restarted(database).asked.all()).toEqual([expected])
  })

  it("are written when it is stopped", () => {
    const { ledger, database } = openLedger()
    ledger.asked.start(3_600_000)
    ledger.asked.note(volume, "fresh", Date.now())
    ledger.asked.stop()
    expect(restarted(database).asked.all()).toHaveLength(1)
  })

  it("are forgotten 30 days after they were asked for last", () => {
    const { ledger, database } = openLedger()
    ledger.asked.note(volume, "fresh", now)
    ledger.asked.note({ ...volume, pvc: "other" }, "fresh", now + 10 * day)
    ledger.asked.flush(now + 30 * day)
    expect(ledger.asked.all()).toHaveLength(2)
    ledger.asked.flush(now + 30 * day + 1)
    expect(ledger.asked.all().map((asked) => asked.pvc)).toEqual(["other"])
    expect(
      restarted(database)
        .asked.all()
        .map((asked) => asked.pvc),
    ).toEqual(["other"])
  })

  it("are never forgotten when their mover drops dots, because backups under the plain name may be theirs", () => {
    const { ledger, database } = openLedger()
    ledger.asked.note({ ...volume, pvc: "my.app" }, "unknown", now)
    ledger.asked.note({ ...volume, pvc: "my-app" }, "unknown", now)
    ledger.asked.flush(now)
    ledger.asked.flush(now + 400 * day)
    expect(ledger.asked.all().map(({ pvc }) => pvc)).toEqual(["my.app"])
    expect(
      restarted(database)
        .asked.all()
        .map(({ pvc }) => pvc),
    ).toEqual(["my.app"])
  })

  it("stop being noted, but not counted, when there are too many", () => {
    const { ledger } = openLedger()
    for (let n = 0; n < 100_001; n++) ledger.asked.note({ ...volume, pvc: `p${n}` }, "unknown", now)
    ledger.asked.note({ ...volume, pvc: "p0" }, "unknown", now)
    expect(ledger.asked.all()).toHaveLength(100_000)
    expect(ledger.asked.all().find((asked) => asked.pvc === "p0")?.count).toBe(2)
  })
})
