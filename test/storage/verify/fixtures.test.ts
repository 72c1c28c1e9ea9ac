import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { expectedOf, fixture, fixtureNames } from "../../support/fixtures.js"
import { placeIn } from "../kopia/open.js"
import { passwordOf, verified } from "./verified.js"

const AGES = 400 * 86_400_000

describe("of every repository that the real kopia wrote, all snapshots", () => {
  it.each(fixtureNames("kopia"))(
    "of %s are found whole, and every content that is needed is read",
    async (name) => {
      const directory = placeIn(name, fixture(name))
      for (const level of ["reachable", "read"] as const) {
        const result = await verified(directory, passwordOf(name), { level })
        expect(result.bad).toEqual([])
        expect(result).toMatchObject({ ok: true, level, unindexed: [] })
        expect(result.snapshots.length).toBe((expectedOf(name)["counts"] as { snapshots: number }).snapshots)
        expect(result.snapshots.every(({ ok, damaged }) => ok && damaged.length === 0)).toBe(true)
        const { stats } = (expectedOf(name)["snapshotVerify"] as { result: { stats: { readBytes: number } } })
          .result
        if (stats.readBytes > 0) expect(result.counts.contents).toBeGreaterThan(0)
        if (level === "reachable") expect(result.counts.bytesRead).toBe(0)
        else expect(result.counts.read).toBeGreaterThan(0)
      }
    },
  )
})

describe("of every repository that the real restic wrote, all snapshots", () => {
  it.each(fixtureNames("restic").filter((name) => !/movers|copied|locks|exclusive/.test(name)))(
    "of %s are found whole, and every blob that is needed is read",
    async (name) => {
      const result = await verified(fixture(name), passwordOf(name), { now: () => Date.now() + AGES })
      expect(result.bad).toEqual([])
      expect(result.ok).toBe(true)
      expect(result.snapshots.length).toBe((expectedOf(name)["counts"] as { snapshots: number }).snapshots)
    },
  )

  it("of a volume's own repository are found whole", async () => {
    const { passwords } = expectedOf("restic/movers")["facts"] as { passwords: Record<string, string> }
    for (const [volume, password] of Object.entries(passwords)) {
      const result = await verified(join(fixture("restic/movers"), volume), password)
      expect(result).toMatchObject({ ok: true, bad: [] })
    }
  })
})
