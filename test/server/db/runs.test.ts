import { describe, expect, it } from "vitest"
import { openDatabase, type RunFilter, Runs } from "../../../server/db/index.js"
import { bench, kind } from "../jobs/support.js"
import { RunIds } from "../../../server/jobs/run-ids.js"
import { RunLogs } from "../../../server/jobs/run-log.js"
import { newRow } from "../../../server/jobs/run-rows.js"
import { tidyJob } from "../../../server/jobs/tidy.js"
import { repository } from "../jobs/support.js"
import { scratch } from "../../support/fixtures.js"

const DAY = 86_400_000

function filled(count: number, now: number) {
  const database = openDatabase(scratch())
  const runs = new Runs(database.connection)
  const ids = new RunIds(undefined)
  runs.transaction(() => {
    for (let at = 0; at < count; at++) {
      const time = now - (count - at) * 60_000
      const row = newRow(
        ids.next(time),
        { kind: `kind${at % 3}`, subject: repository(`r${at % 5}`), cause: "schedule" },
        time,
      )
      runs.put({ ...row, startedAt: time, endedAt: time, outcome: at % 50 === 0 ? "failed" : "ok" })
    }
  })
  return { database, runs }
}

describe("the history of runs", () => {
  it("is paged through an index, whatever is asked, without a sort and without a gap", () => {
    const { database, runs } = filled(1000, Date.now())
    const filters: RunFilter[] = [
      {},
      { kind: "kind1" },
      { outcome: "failed" },
      { kind: "kind1", outcome: "failed" },
      { repository: "r2" },
      { store: "tank", outcome: "ok" },
    ]
    for (const filter of filters) {
      const names = Object.keys(filter)
      const where = [...names.map((name) => `${name} = 'x'`), "id < '~'"].join(" AND ")
      const plan = database.connection
        .prepare<[], { detail: string }>(
          `EXPLAIN QUERY PLAN SELECT * FROM run WHERE ${where} ORDER BY id DESC LIMIT 5`,
        )
        .all()
      expect(plan.map(({ detail }) => detail).join()).toMatch(/^SEARCH run USING((?!TEMP).)*$/)
      const all: string[] = []
      for (let before: string | undefined; ; before = all.at(-1)) {
        const page = runs.list(filter, before, 37)
        if (page.length === 0) break
        all.push(...page.map(({ id }) => id))
      }
      const whole = runs.list(filter, undefined, 5000).map(({ id }) => id)
      expect(all).toEqual(whole)
      expect(whole.length).toBeGreaterThan(5)
    }
    database.close()
  })

  it("takes one outcome for each run", () => {
    const { database, runs } = filled(1, Date.now())
    const [row] = runs.list({}, undefined, 1)
    const end = {
      endedAt: 1,
      outcome: "ok",
      reason: null,
      message: null,
      again: 0,
      progress: null,
      facts: null,
    } as const
    expect(runs.end(row?.id ?? "", end)).toBe(false)
    expect(runs.get(row?.id ?? "")?.outcome).toBe("failed")
    expect(() => {
      runs.put({ ...(row as NonNullable<typeof row>), id: "x", outcome: "skipped" })
    }).toThrow(/CHECK/)
    database.close()
  })

  it("is trimmed by count and age with the logs, but not what is under way or comes again", async () => {
    const now = Date.now()
    const { database, runs } = filled(500, now)
    const state = scratch()
    const logs = new RunLogs(state)
    const all = runs.list({}, undefined, 999)
    for (const { id } of all) logs.create(id).close()
    const oldest = all.at(-1)
    const again = all.at(-2)
    if (oldest === undefined || again === undefined) throw new Error("there are none")
    runs.put({ ...oldest, outcome: null, endedAt: null })
    runs.put({ ...again, again: 1 })
    const other = bench([tidyJob({ runs, logs, now: () => now, keep: { runs: 100, days: 4 } })])
    const row = await other.ended(other.start("tidy", { type: "whole" }))
    expect(row.outcome).toBe("ok")
    expect(runs.list({}, undefined, 999).map(({ id }) => id)).toEqual([
      ...all.slice(0, 100).map(({ id }) => id),
      again.id,
      oldest.id,
    ])
    const second = bench([
      tidyJob({ runs, logs, now: () => now + 5 * DAY, keep: { runs: 100, days: 4 } }),
      kind("x", () => Promise.resolve({ outcome: "ok" })),
    ])
    await second.ended(second.start("tidy", { type: "whole" }))
    expect(runs.list({}, undefined, 999)).toHaveLength(2)
    const { readdirSync } = await import("node:fs")
    expect(
      readdirSync(`${state}/runs`, { recursive: true }).filter((file) => String(file).endsWith(".log")),
    ).toHaveLength(2)
    database.close()
  })
})
