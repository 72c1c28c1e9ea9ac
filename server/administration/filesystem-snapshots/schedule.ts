import { createHash } from "node:crypto"
import { type SnapshotSchedule, weekdays } from "../../config/index.js"

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
/** Within so long after its time, later by the same for the same store: several stores do not begin in the same second. */
const SPREAD_MS = 5 * MINUTE_MS
/** The first Monday of 1970, on which weeks begin here as in the retention. */
const MONDAY_MS = 4 * DAY_MS

/** Unix milliseconds of the last time at or before `now` that the schedule names, later by the store's spread. Pure. */
export function lastDue(schedule: SnapshotSchedule, store: string, now: number): number {
  const { period, phase } = rhythmOf(schedule)
  const first = phase + spreadOf(store)
  return first + Math.floor((now - first) / period) * period
}

/** The next time after `now`. */
export function nextDue(schedule: SnapshotSchedule, store: string, now: number): number {
  return lastDue(schedule, store, now) + rhythmOf(schedule).period
}

/** Milliseconds from one time of the schedule to the next. */
export function periodOf(schedule: SnapshotSchedule): number {
  return rhythmOf(schedule).period
}

export function scheduleText(schedule: SnapshotSchedule): string {
  switch (schedule.every) {
    case "hour":
      return "every hour"
    case "day":
      return `every day at ${schedule.at} UTC`
    case "week":
      return `every ${schedule.on} at ${schedule.at} UTC`
  }
}

function rhythmOf(schedule: SnapshotSchedule): { readonly period: number; readonly phase: number } {
  switch (schedule.every) {
    case "hour":
      return { period: HOUR_MS, phase: 0 }
    case "day":
      return { period: DAY_MS, phase: timeOf(schedule.at) }
    case "week":
      return {
        period: WEEK_MS,
        phase: MONDAY_MS + weekdays.indexOf(schedule.on) * DAY_MS + timeOf(schedule.at),
      }
  }
}

function timeOf(at: string): number {
  const [hours, minutes] = at.split(":")
  return Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS
}

function spreadOf(store: string): number {
  return createHash("sha256").update(store).digest().readUInt32BE(0) % SPREAD_MS
}
