import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { JobMemory, openDatabase, Runs } from "../../../server/db/index.js"
import type { JobKind, JobSubject, Outcome } from "../../../server/jobs/kind.js"
import { isAlwaysQuiet, quietUntil, type QuietHours } from "../../../server/jobs/quiet-hours.js"
import type { RunRequest } from "../../../server/jobs/run-rows.js"
import { RunBook } from "../../../server/jobs/run-book.js"
import { newRow } from "../../../server/jobs/run-rows.js"
import { RunIds } from "../../../server/jobs/run-ids.js"
import { Scheduler, type SchedulerParts } from "../../../server/jobs/scheduler.js"
import { rulesFor } from "../../../server/jobs/schedule-plan.js"
import { spreadOf } from "../../../server/jobs/spread.js"
import { scratch } from "../../support/fixtures.js"
import { kind, repository } from "./support.js"

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const at = (text: string): number => Date.parse(text)
const ok: Outcome = { outcome: "ok" }

interface Begun {
  readonly kind: string
  readonly subject: JobSubject
  readonly cause: string
  /** ISO, to the minute. */
  readonly at: string
}

/** A scheduler with a clock that the test moves, and what it began. */
function world(
  begin: string,
  kinds: readonly JobKind[],
  parts: Partial<SchedulerParts> = {},
  state = scratch(),
) {
  const clock = { wall: at(begin), mono: 1_000 }
  const database = openDatabase(state)
  const runs = new Runs(database.connection)
  const memory = new JobMemory(database.connection)
  const book = new RunBook({ runs, memory, now: () => clock.wall })
  const ids = new RunIds(undefined)
  const begun: Begun[] = []
  const scheduler = new Scheduler({
    kinds,
    clock: { now: () => ({ ...clock }) },
    memory,
    transaction: (work) => runs.transaction(work),
    subjects: () => [repository("one")],
    schedules: () => [],
    quiet: () => undefined,
    submit: (requests: readonly RunRequest[]) => {
      for (const request of requests) {
        const row = newRow(ids.next(clock.wall), request, clock.wall)
        book.entered({ ...row, startedAt: clock.wall, endedAt: clock.wall, outcome: "ok" })
        begun.push({ ...request, at: new Date(clock.wall).toISOString().slice(0, 16) })
      }
    },
    ticked: () => undefined,
    log: { error: () => undefined },
    ...parts,
  })
  scheduler.redeclared()
  return {
    scheduler,
    clock,
    begun,
    state,
    /** Time passes, a tick every half minute, or one tick at its end when the machine sleeps. */
    pass: (ms: number, asleep = false): void => {
      const step = asleep ? ms : MINUTE / 2
      for (let left = ms; left > 0; left -= step) {
        clock.wall += Math.min(step, left)
        if (!asleep) clock.mono += Math.min(step, left)
        scheduler.tick()
      }
    },
    times: () => begun.map((one) => one.at),
    close: () => {
      database.close()
    },
  }
}

const daily = (cron = "30 2 * * *", zone = "UTC", spreadMs = 0): JobKind =>
  kind("read", () => Promise.resolve(ok), { schedule: { cron, zone, spreadMs } })

describe("a schedule", () => {
  it("begins its runs at their times, each once", () => {
    const { pass, times, begun } = world("2026-11-20T00:00Z", [daily()])
    pass(3 * DAY)
    expect(times()).toEqual(["2026-11-20T02:30", "2026-11-21T02:30", "2026-11-22T02:30"])
    expect(begun.every(({ cause }) => cause === "schedule")).toBe(true)
  })

  it("runs missed work once, after a sleep and after the daemon was off", () => {
    const first = world("2026-11-20T00:00Z", [daily()])
    first.pass(5 * DAY, true)
    expect(first.begun).toMatchObject([{ cause: "missed", at: "2026-11-25T00:00" }])
    first.pass(4 * HOUR)
    expect(first.times()).toEqual(["2026-11-25T00:00", "2026-11-25T02:30"])
    first.close()

    const second = world("2026-12-04T12:00Z", [daily()], {}, first.state)
    second.pass(MINUTE)
    expect(second.begun).toMatchObject([{ cause: "missed", at: "2026-12-04T12:00" }])
    second.pass(DAY)
    expect(second.times().slice(1)).toEqual(["2026-12-05T02:30"])
    second.close()

    const third = world("2026-12-05T13:00Z", [daily()], {}, first.state)
    third.pass(HOUR)
    expect(third.begun).toEqual([])
  })

  it("that is new has missed nothing, also when the daemon was started again since", () => {
    const first = world("2026-11-20T12:00Z", [daily()])
    first.pass(HOUR)
    first.close()
    const second = world("2026-11-20T14:00Z", [daily()], {}, first.state)
    second.pass(HOUR)
    expect(second.begun).toEqual([])
    second.close()
    const third = world("2026-11-21T03:00Z", [daily()], {}, first.state)
    third.pass(MINUTE)
    expect(third.begun).toMatchObject([{ cause: "missed" }])
  })

  it("goes on when a clock that was years ahead is set right, and doubles nothing when it goes back a little", () => {
    const far = world("2035-01-01T00:00Z", [daily()])
    far.pass(DAY)
    expect(far.times()).toEqual(["2035-01-01T02:30"])
    far.clock.wall = at("2026-11-20T12:00Z")
    far.pass(DAY)
    expect(far.times().slice(1)).toEqual(["2026-11-21T02:30"])

    const near = world("2026-11-20T00:00Z", [daily()])
    near.pass(3 * HOUR)
    near.clock.wall -= 90 * MINUTE
    near.pass(3 * HOUR)
    expect(near.times()).toEqual(["2026-11-20T02:30"])
    near.pass(DAY)
    expect(near.times()).toEqual(["2026-11-20T02:30", "2026-11-21T02:30"])
  })

  it("runs once on the days on which clocks change", () => {
    const spring = world("2026-03-28T12:00Z", [daily("30 2 * * *", "Europe/Berlin")])
    spring.pass(2 * DAY)
    expect(spring.times()).toEqual(["2026-03-29T01:00", "2026-03-30T00:30"])
    const autumn = world("2026-10-24T12:00Z", [daily("30 2 * * *", "Europe/Berlin")])
    autumn.pass(2 * DAY)
    expect(autumn.times()).toEqual(["2026-10-25T00:30", "2026-10-26T01:30"])
  })

  it("spreads its subjects over its time, each always at the same moment", () => {
    const subjects = Array.from({ length: 600 }, (_, index) => repository(`r${index}`))
    const one = world("2026-11-20T00:00Z", [daily("0 2 * * *", "UTC", HOUR)], { subjects: () => subjects })
    one.pass(DAY)
    expect(one.begun).toHaveLength(600)
    const busiest = Math.max(
      ...[...new Set(one.times())].map((time) => one.times().filter((other) => other === time).length),
    )
    expect(busiest).toBeLessThan(40)
    expect(one.times().every((time) => time >= "2026-11-20T02:00" && time <= "2026-11-20T03:00")).toBe(true)
    one.pass(DAY)
    const [first, second] = [one.begun.slice(0, 600), one.begun.slice(600)]
    const minutes = (some: typeof first) =>
      new Map(some.map(({ subject, at: time }) => [JSON.stringify(subject), time.slice(11)]))
    expect(minutes(second)).toEqual(minutes(first))
  })

  it("waits for the end of quiet hours, runs once then, and is no missed work", () => {
    const quiet: QuietHours = { zone: "Europe/Berlin", windows: [{ from: "01:00", to: "07:00" }] }
    const { pass, begun, scheduler } = world("2026-11-20T00:00Z", [daily("*/30 * * * *")], {
      quiet: () => quiet,
    })
    pass(5 * HOUR)
    // One at 00:00 would be before the quiet hours' begin at 00:00 UTC.
    expect(begun).toEqual([])
    expect(scheduler.planned()[0]?.due).toBeGreaterThanOrEqual(at("2026-11-20T06:00Z"))
    pass(90 * MINUTE)
    expect(begun).toHaveLength(2)
    expect(begun[0]).toMatchObject({ cause: "schedule" })
    expect(begun[0]?.at.slice(11) ?? "").toMatch(/^06:0\d|06:10$/)
    expect(begun[1]?.at).toBe("2026-11-20T06:30")
  })

  it("takes up what comes and drops what goes, and other quiet hours at once", () => {
    let subjects = [repository("one")]
    let quiet: QuietHours | undefined = { zone: "UTC", windows: [{ from: "00:00", to: "23:00" }] }
    const one = world("2026-11-20T00:00Z", [daily()], { subjects: () => subjects, quiet: () => quiet })
    one.pass(3 * HOUR)
    expect(one.begun).toEqual([])
    quiet = undefined
    one.scheduler.redeclared()
    one.pass(MINUTE)
    expect(one.times()).toEqual(["2026-11-20T03:00"])
    subjects = [repository("two")]
    one.pass(DAY)
    expect(one.begun.slice(1).map(({ subject }) => subject)).toEqual([repository("two")])
  })

  it("never begins anything twice for one time, whatever the clock does", () => {
    const step = fc.oneof(
      fc.record({ ms: fc.integer({ min: MINUTE, max: 3 * HOUR }), asleep: fc.boolean() }),
      fc.record({ back: fc.integer({ min: MINUTE, max: 100 * MINUTE }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const one = world("2026-10-24T00:00Z", [daily("15 2 * * *", "Europe/Berlin", 20 * MINUTE)])
        let back = 0
        for (const move of steps) {
          if ("ms" in move) one.pass(move.ms, move.asleep)
          else if (back + move.back < 110 * MINUTE) {
            back += move.back
            one.clock.wall -= move.back
            one.scheduler.tick()
          }
        }
        one.close()
        const days = one.times().map((time) => time.slice(0, 10))
        expect(new Set(days).size).toBe(days.length)
      }),
      { numRuns: 25 },
    )
  })
})

describe("which schedule counts", () => {
  const rule = (cron: string) => ({ cron, zone: "UTC", spreadMs: 0 })
  const own = kind("read", () => Promise.resolve(ok), { schedule: rule("0 1 * * *") })
  const crons = (subject: JobSubject, schedules: Parameters<typeof rulesFor>[2]) =>
    rulesFor(own, subject, schedules).map((one) => one.rule.cron)

  it("is the nearest: for the repository, for its store, for all, the kind's own", () => {
    const all = { name: "all", job: "read", rule: rule("0 2 * * *") }
    const store = { name: "store", job: "read", stores: ["tank"], rule: rule("0 3 * * *") }
    const named = { name: "named", job: "read", repositories: ["one"], rule: undefined }
    const other = { name: "other", job: "verify", rule: rule("0 4 * * *") }
    expect(crons(repository("one"), [other])).toEqual(["0 1 * * *"])
    expect(crons(repository("one"), [all, other])).toEqual(["0 2 * * *"])
    expect(crons(repository("one"), [all, store])).toEqual(["0 3 * * *"])
    expect(crons(repository("one", "elsewhere"), [all, store])).toEqual(["0 2 * * *"])
    expect(crons(repository("one"), [all, store, named])).toEqual([])
    expect(crons(repository("two"), [all, store, named])).toEqual(["0 3 * * *"])
    expect(crons(repository("one"), [all, { ...all, name: "again", rule: rule("0 5 * * 0") }])).toEqual([
      "0 2 * * *",
      "0 5 * * 0",
    ])
  })
})

describe("quiet hours", () => {
  it("end when their window does, over midnight, on their days, and across a change of clocks", () => {
    const end = (quiet: QuietHours, now: string) => {
      const until = quietUntil(quiet, at(now))
      return until === undefined ? undefined : new Date(until).toISOString().slice(0, 16)
    }
    const night: QuietHours = { zone: "UTC", windows: [{ from: "22:00", to: "06:00", days: ["friday"] }] }
    expect(end(night, "2026-11-20T21:59Z")).toBeUndefined()
    expect(end(night, "2026-11-20T22:00Z")).toBe("2026-11-21T06:00")
    expect(end(night, "2026-11-21T05:59Z")).toBe("2026-11-21T06:00")
    expect(end(night, "2026-11-21T06:00Z")).toBeUndefined()
    expect(end(night, "2026-11-21T22:30Z")).toBeUndefined()
    const two: QuietHours = {
      zone: "UTC",
      windows: [
        { from: "08:00", to: "12:00" },
        { from: "12:00", to: "20:00" },
      ],
    }
    expect(end(two, "2026-11-20T09:00Z")).toBe("2026-11-20T20:00")
    const berlin: QuietHours = { zone: "Europe/Berlin", windows: [{ from: "01:00", to: "02:30" }] }
    expect(end(berlin, "2026-03-29T00:30Z")).toBe("2026-03-29T01:00")
    expect(end(berlin, "2026-10-25T01:10Z")).toBe("2026-10-25T01:30")
  })

  it("that leave no time are known", () => {
    expect(isAlwaysQuiet([{ from: "00:00", to: "00:00" }])).toBe(true)
    expect(
      isAlwaysQuiet([
        { from: "08:00", to: "20:00" },
        { from: "20:00", to: "08:00" },
      ]),
    ).toBe(true)
    expect(
      isAlwaysQuiet([
        { from: "08:00", to: "20:00" },
        { from: "20:01", to: "08:00" },
      ]),
    ).toBe(false)
    expect(isAlwaysQuiet([{ from: "00:00", to: "00:00", days: ["monday", "tuesday"] }])).toBe(false)
  })

  it("end in the future, always", () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`)
    fc.assert(
      fc.property(
        fc.array(fc.record({ from: time, to: time }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: at("2026-03-20Z"), max: at("2026-11-10Z") }),
        (windows, now) => {
          fc.pre(!isAlwaysQuiet(windows))
          const until = quietUntil({ zone: "Europe/Berlin", windows }, now)
          if (until === undefined) return
          expect(until).toBeGreaterThan(now)
          expect(until - now).toBeLessThan(7 * DAY)
        },
      ),
    )
  })
})

it("spreads evenly and never to the end of the window", () => {
  const shifts = Array.from({ length: 5000 }, (_, index) => spreadOf("read", `r${index}`, HOUR))
  const quarters = [0, 1, 2, 3].map(
    (quarter) => shifts.filter((shift) => Math.floor(shift / (HOUR / 4)) === quarter).length,
  )
  expect(Math.min(...quarters)).toBeGreaterThan(1100)
  expect(Math.max(...shifts)).toBeLessThan(HOUR)
})
