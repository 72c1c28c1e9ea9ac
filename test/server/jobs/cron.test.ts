import fc from "fast-check"
import { createTask, getTasks } from "node-cron"
import { afterEach, describe, expect, it, vi } from "vitest"
import { type Cron, CronTimes, nextTime, parseCron } from "../../../server/jobs/cron.js"
import { isZone, localTime } from "../../../server/jobs/zone.js"

const at = (text: string): number => Date.parse(text)

function cronOf(text: string): Cron {
  const cron = parseCron(text)
  if (typeof cron === "string") throw new Error(`${text}: ${cron}`)
  return cron
}

function following(text: string, zone: string, after: string, count: number): string[] {
  const times: string[] = []
  for (let from = at(after); times.length < count;) {
    const next = nextTime(cronOf(text), zone, from)
    if (next === undefined) break
    times.push(new Date(next).toISOString().slice(0, 16))
    from = next
  }
  return times
}

afterEach(() => {
  vi.useRealTimers()
})

describe("times of a cron expression", () => {
  it("come once when clocks go forward over them, at the end of the gap", () => {
    expect(following("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2)).toEqual([
      "2026-03-29T01:00",
      "2026-03-30T00:30",
    ])
    expect(following("10,20,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2)).toEqual([
      "2026-03-29T01:00",
      "2026-03-30T00:10",
    ])
  })

  it("come once when clocks go back over them, the first time", () => {
    expect(following("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2)).toEqual([
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ])
    expect(following("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10Z", 1)).toEqual(["2026-10-26T01:30"])
  })

  it("of every hour leave out and double no hour that passes, on both days", () => {
    for (const [from, text] of [
      ["2026-03-28T22:10Z", "15 * * * *"],
      ["2026-10-24T22:10Z", "15 * * * *"],
      ["2026-11-01T03:40Z", "15,45 * * * *"],
    ] as const) {
      const zone = text.includes(",") ? "America/New_York" : "Europe/Berlin"
      const times = following(text, zone, from, 8).map((time) => at(`${time}Z`))
      const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
      expect(new Set(steps)).toEqual(new Set([text.includes(",") ? 1_800_000 : 3_600_000]))
    }
  })

  it("come in zones whose clocks change by half an hour, at midnight, or which lie far from UTC", () => {
    expect(following("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", 1)).toEqual([
      "2026-10-03T15:30",
    ])
    expect(following("30 0 * * *", "America/Havana", "2026-03-07T12:00Z", 1)).toEqual(["2026-03-08T05:00"])
    expect(following("0 12 * * *", "Pacific/Kiritimati", "2026-01-01T00:00Z", 2)).toEqual([
      "2026-01-01T22:00",
      "2026-01-02T22:00",
    ])
    expect(following("0 12 * * *", "Pacific/Pago_Pago", "2026-01-01T00:00Z", 1)).toEqual(["2026-01-01T23:00"])
  })

  it("of a day that no calendar had come on the day after", () => {
    // Samoa had no 30 December 2011.
    expect(following("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00Z", 3)).toEqual([
      "2011-12-29T22:00",
      "2011-12-30T10:00",
      "2011-12-30T22:00",
    ])
  })

  it("agree with node-cron's own wherever clocks do not change", () => {
    const field = (most: number, least = 0) =>
      fc.oneof(
        fc.constant("*"),
        fc.integer({ min: least, max: most }).map(String),
        fc.integer({ min: 2, max: most }).map((step) => `*/${step}`),
        fc
          .uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 4 })
          .map((some) => some.join(",")),
      )
    const expression = fc
      .tuple(
        field(59),
        field(23),
        fc.oneof(field(28, 1), fc.constantFrom("L", "15W", "L-3")),
        field(12, 1),
        fc.oneof(field(6), fc.constantFrom("1#2", "5L", "MON-FRI")),
      )
      .map((fields) => fields.join(" "))
    vi.useFakeTimers({ toFake: ["Date"] })
    let compared = 0
    fc.assert(
      fc.property(
        expression,
        fc.integer({ min: at("2026-01-01Z"), max: at("2029-01-01Z") }),
        (text, from) => {
          const cron = parseCron(text)
          if (typeof cron === "string") return
          vi.setSystemTime(from)
          const task = createTask(text, () => undefined, { timezone: "Asia/Kolkata" })
          const [theirs] = task.getNextRuns(1)
          void task.destroy()
          compared += 1
          expect(nextTime(cron, "Asia/Kolkata", from)).toBe(theirs?.getTime())
        },
      ),
      { numRuns: 60 },
    )
    expect(compared).toBeGreaterThan(40)
  })

  it("always lie ahead, and on a time that the expression names, or at the end of a gap", () => {
    const zones = fc.constantFrom(
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "Africa/Casablanca",
      "UTC",
    )
    fc.assert(
      fc.property(
        zones,
        fc.integer({ min: at("2020-01-01Z"), max: at("2037-01-01Z") }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: 0, max: 23 }),
        (zone, from, minute, hour) => {
          const next = nextTime(cronOf(`${minute} ${hour} * * *`), zone, from) ?? 0
          expect(next).toBeGreaterThan(from)
          expect(next - from).toBeLessThanOrEqual(26 * 3_600_000)
          const local = new Date(localTime(next, zone))
          const before = localTime(next - 1000, zone)
          const gap = localTime(next, zone) - before > 1000
          if (!gap) expect([local.getUTCHours(), local.getUTCMinutes()]).toEqual([hour, minute])
        },
      ),
      { numRuns: 500 },
    )
  })

  it("are the same remembered as worked out anew", () => {
    const cron = cronOf("30 2 * * *")
    const times = new CronTimes(cron, "Europe/Berlin")
    fc.assert(
      fc.property(fc.integer({ min: at("2026-03-01Z"), max: at("2026-04-30Z") }), (from) => {
        expect(times.next(from)).toBe(nextTime(cron, "Europe/Berlin", from))
      }),
      { numRuns: 1000 },
    )
  })
})

describe("a cron expression", () => {
  it.each([
    ["0 0 30 2 *", /impossible/],
    ["0 0 L-30 2 *", /never comes/],
    ["61 * * * *", /minute/],
    ["0 0 * * 8", /week day/],
    ["*/0 * * * *", /step/],
    ["*/90 * * * *", /step/],
    ["0 2 * *", /five fields/],
    ["* * * * * *", /five fields/],
    ["@never", /illegal|fields|invalid/],
    ["", /five fields/],
    ["every day", /five fields/],
    ["0 0 * * 1#6", /week day/],
  ])("%j is refused with what is wrong", (text, wrong) => {
    expect(parseCron(text)).toMatch(wrong)
  })

  it("that would unfold without end is refused at once", () => {
    const begun = performance.now()
    expect(parseCron("0-99999999 * * * *")).toMatch(/three digits/)
    expect(parseCron("1,".repeat(100_000) + " * * * *")).toMatch(/characters/)
    expect(performance.now() - begun).toBeLessThan(1000)
  })

  it("may be a nickname, and leaves nothing in node-cron's list", () => {
    const before = getTasks().size
    expect(following("@weekly", "UTC", "2026-11-22T05:00Z", 1)).toEqual(["2026-11-29T00:00"])
    expect(following("0 0 29 2 1", "UTC", "2026-11-22T05:00Z", 1)).toEqual(["2044-02-29T00:00"])
    expect(getTasks().size).toBe(before)
  })

  it("is read in zones that the machine knows and no others", () => {
    expect(["Europe/Berlin", "UTC", "Europe/Atlantis", "", "../etc"].map(isZone)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })
})
