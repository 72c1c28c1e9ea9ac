import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { openDatabase, SnapshotIntegrityTable, type StateDatabase } from "../../../../server/db/index.js"
import { SnapshotIntegrity } from "../../../../server/findings/index.js"
import type { Cost, DamagedBlob, DamagedSnapshot } from "../../../../server/reading/scrub/found.js"
import { tellIntegrity } from "../../../../server/reading/scrub/tell-integrity.js"
import { scratch } from "../../../support/fixtures.js"

const PLACE = "tank:kopia"
const corrupt: DamagedBlob = { blob: "p/1", code: "corrupt", since: 1 }

function snapshot(id: string): DamagedSnapshot {
  return { id, start: BigInt(id), root: `k${id}`, identity: "data@home:/data", paths: 1, sample: ["/db"] }
}

function told(snapshots: readonly DamagedSnapshot[], unsure: readonly string[] = []): Cost {
  return { kind: "told", snapshots, unsure, lost: 1 }
}

describe("what a scrub has decisions know", () => {
  let database: StateDatabase
  let integrity: SnapshotIntegrity
  let at = 0

  beforeEach(() => {
    database = openDatabase(scratch())
    integrity = new SnapshotIntegrity(new SnapshotIntegrityTable(database.connection))
  })
  afterEach(() => {
    database.close()
  })

  const tell = (cost: Cost, damaged: readonly DamagedBlob[] = [corrupt]) =>
    tellIntegrity(cost, damaged, { integrity, place: PLACE, run: "run", at: ++at })
  const damagedIds = () =>
    integrity
      .damaged()
      .map(({ engineId }) => engineId)
      .sort()

  it("is each snapshot that is hit, however many, until no damaged file costs it anything", async () => {
    const many = Array.from({ length: 120 }, (_, number) => snapshot(String(number + 1)))
    await tell(told(many))
    expect(integrity.damaged()).toHaveLength(120)
    expect(integrity.damageOf(PLACE, snapshot("7"))).toMatchObject({
      level: "read",
      reasons: ["scrub_corrupt"],
    })
    expect(await tell(told([snapshot("7")]))).toEqual({ withdrawn: 119 })
    expect(damagedIds()).toEqual(["7"])
    expect(await tell({ kind: "nothing damaged" }, [])).toEqual({ withdrawn: 1 })
    expect(damagedIds()).toEqual([])
  })

  it("stays as it was where nobody could tell, of all or of one", async () => {
    await tell(told([snapshot("1"), snapshot("2")]))
    await tell({ kind: "untold", code: "wrong_password", why: "" })
    expect(damagedIds()).toEqual(["1", "2"])
    await tell(told([], ["2"]))
    expect(damagedIds()).toEqual(["2"])
  })

  it("is only what scrubs said: what others found, too, they alone withdraw", async () => {
    const lost = { ok: false, level: "reachable", at: 0, paths: 3, sample: [], run: "verify" } as const
    const record = (id: string, reasons: string[]) => {
      integrity.record(PLACE, [
        { snapshot: snapshot(id), identity: "x", result: { ...lost, at: ++at, reasons } },
      ])
    }
    record("1", ["missing_pack"])
    await tell(told([snapshot("1"), snapshot("2"), snapshot("3")]))
    record("2", ["missing_pack"])
    await tell({ kind: "nothing damaged" }, [])
    expect(damagedIds()).toEqual(["1", "2"])
    expect(integrity.damageOf(PLACE, snapshot("1"))?.reasons).toContain("missing_pack")
  })

  it("says nothing of other places", async () => {
    integrity.record("tank:other", [
      {
        snapshot: snapshot("9"),
        identity: "x",
        result: { ok: false, level: "read", at: 1, reasons: ["scrub_io"], paths: 1, sample: [], run: "r" },
      },
    ])
    await tell({ kind: "nothing damaged" }, [])
    expect(damagedIds()).toEqual(["9"])
  })
})
