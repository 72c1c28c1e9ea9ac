import { JobMemory, openDatabase, Runs } from "../../server/db/index.js"
import { Jobs } from "../../server/jobs/jobs.js"
import type { JobSubject } from "../../server/jobs/kind.js"
import { RunIds } from "../../server/jobs/run-ids.js"
import { newRow } from "../../server/jobs/run-rows.js"
import type { BenchContext, Row } from "./row.js"

const MINUTE_MS = 60_000
/** From a quarter to a half of the schedules come due in them, in the night in which clocks go forward. */
const HOURS = 2

/** What 10,000 schedules cost in the hours in which they come due, and lists of 100,000 runs. The clock is moved; the work itself is nothing. */
export function schedules(context: BenchContext): Promise<Row[]> {
  const [subjects, history] = context.quick ? [1_000, 10_000] : [10_000, 100_000]
  const database = openDatabase(context.scratch("state"))
  const runs = new Runs(database.connection)
  const clock = { wall: Date.parse("2026-03-29T00:00:00Z"), mono: 0 }
  const all = Array.from({ length: subjects }, (_, at): JobSubject => {
    const path = `restic/ns/volume-${at}`
    return { type: "repository", repository: "per-pvc", store: "tank", path, place: `tank:${path}` }
  })
  const ids = new RunIds(undefined)
  runs.transaction(() => {
    for (let at = 0; at < history; at++) {
      const time = clock.wall - (history - at) * MINUTE_MS
      const subject = all[at % subjects] ?? { type: "whole" }
      const row = newRow(ids.next(time), { kind: `kind${at % 5}`, subject, cause: "schedule" }, time)
      runs.put({ ...row, startedAt: time, endedAt: time, outcome: at % 1000 === 0 ? "failed" : "ok" })
    }
  })
  const jobs = new Jobs({
    stateDirectory: context.scratch("logs"),
    kinds: () => [
      {
        ...{ name: "read", title: "read", of: "repository", changing: false, resumable: false },
        schedule: { cron: "30 2 * * *", zone: "Europe/Berlin", spreadMs: 4 * 60 * MINUTE_MS },
        run: () => Promise.resolve({ outcome: "ok" }),
      },
    ],
    runs,
    memory: new JobMemory(database.connection),
    clock: { now: () => ({ ...clock }) },
    subjects: () => all,
    isDeclared: () => true,
    diskOf: () => "tank",
    // Nothing begins: a run's own cost is not the schedule's.
    moverAt: () => "a mover writes",
    schedules: () => [],
    quiet: () => undefined,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  })
  jobs.scheduler.redeclared()
  const before = process.cpuUsage()
  const ticks = HOURS * 60 * 2
  for (let tick = 0; tick < ticks; tick++) {
    clock.wall += MINUTE_MS / 2
    clock.mono += MINUTE_MS / 2
    jobs.scheduler.tick()
  }
  const begun = jobs.runner.waiting
  const { user, system } = process.cpuUsage(before)
  const perSecond = (user + system) / (HOURS * 3600)
  const lists = [
    {},
    { kind: "kind3", outcome: "failed" as const },
    { store: "tank", outcome: "failed" as const },
  ]
  const slowest = lists.map((filter) => {
    const started = performance.now()
    runs.list(filter, undefined, 100)
    return performance.now() - started
  })
  database.close()
  const budget = "below 1 % of a core: 10,000 µs a second"
  return Promise.resolve([
    {
      what: `${subjects} daily schedules, of each second (${begun} came due)`,
      unit: "µs",
      ours: { who: "cistern", value: perSecond },
      peers: [],
      budget,
    },
    {
      what: `slowest list of ${history} past runs`,
      unit: "ms",
      ours: { who: "cistern", value: Math.max(...slowest) },
      peers: [],
      budget: "below 50 ms",
    },
  ])
}
