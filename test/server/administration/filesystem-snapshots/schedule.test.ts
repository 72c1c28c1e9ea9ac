import { describe, expect, it } from "vitest"
import {
  lastDue,
  nextDue,
  periodOf,
  scheduleText,
} from "../../../../server/administration/filesystem-snapshots/schedule.js"
import type { SnapshotSchedule } from "../../../../server/config/index.js"

const at = (time: string): number => Date.parse(time)
const SPREAD_MS = 300_000

describe("the times of a schedule", () => {
  it.each<[SnapshotSchedule, string, string]>([
    [{ every: "hour" }, "2026-11-22T10:59:59Z", "2026-11-22T10:00:00Z"],
    [{ every: "hour" }, "2026-11-22T11:05:00Z", "2026-11-22T11:00:00Z"],
    [{ every: "day", at: "03:30" }, "2026-11-22T03:29:00Z", "2026-11-21T03:30:00Z"],
    [{ every: "day", at: "03:30" }, "2026-11-22T03:35:00Z", "2026-11-22T03:30:00Z"],
    // A Sunday; the 23rd is a Monday.
    [{ every: "week", on: "monday", at: "00:00" }, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z"],
    [{ every: "week", on: "sunday", at: "23:30" }, "2026-11-22T23:35:00Z", "2026-11-22T23:30:00Z"],
    [{ every: "week", on: "saturday", at: "12:00" }, "2026-11-22T00:00:00Z", "2026-11-21T12:00:00Z"],
  ])("%o: the last one at %s began at %s, or within five minutes after", (schedule, now, wanted) => {
    const due = lastDue(schedule, "tank", at(now))
    expect(due).toBeLessThanOrEqual(at(now))
    expect(due - at(wanted)).toBeGreaterThanOrEqual(0)
    expect(due - at(wanted)).toBeLessThan(SPREAD_MS)
    expect(nextDue(schedule, "tank", at(now))).toBe(due + periodOf(schedule))
    expect(lastDue(schedule, "tank", due)).toBe(due)
    expect(lastDue(schedule, "tank", due - 1)).toBe(due - periodOf(schedule))
  })

  it("are the same for a store after every start, and spread over the stores", () => {
    const dues = Array.from({ length: 40 }, (_, store) =>
      lastDue({ every: "day", at: "03:30" }, `store-${store}`, at("2026-11-22T12:00:00Z")),
    )
    expect(new Set(dues).size).toBeGreaterThan(35)
    expect(dues[7]).toBe(lastDue({ every: "day", at: "03:30" }, "store-7", at("2026-11-22T12:00:00Z")))
  })

  it("are told in words", () => {
    expect(scheduleText({ every: "week", on: "sunday", at: "03:30" })).toBe("every sunday at 03:30 UTC")
  })
})
