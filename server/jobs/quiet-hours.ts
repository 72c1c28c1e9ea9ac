import { type LocalTime, localTime, momentsOf } from "./zone.js"

export const weekdayNames = [
  "sunday",
  "monday",
  "tuesday",
  "wednesday",
  "thursday",
  "friday",
  "saturday",
] as const
export type WeekdayName = (typeof weekdayNames)[number]

/** From a time of day to another one, "HH:MM"; over midnight when `to` is not later. It belongs to the day on which it begins. */
export interface QuietWindow {
  readonly from: string
  readonly to: string
  /** Undefined: every day. */
  readonly days?: readonly WeekdayName[] | undefined
}

export interface QuietHours {
  readonly zone: string
  readonly windows: readonly QuietWindow[]
}

const DAY_MINUTES = 24 * 60
const WEEK_MINUTES = 7 * DAY_MINUTES
const MINUTE_MS = 60_000

/** Unix milliseconds at which the quiet hours that hold at `now` are over; undefined when none do. */
export function quietUntil(quiet: QuietHours | undefined, now: number): number | undefined {
  if (quiet === undefined || quiet.windows.length === 0) return undefined
  const local = localTime(now, quiet.zone)
  const minute = minuteOfWeek(local)
  const left = minutesLeft(quiet.windows, minute)
  if (left === undefined) return undefined
  const end = Math.floor(local / MINUTE_MS) * MINUTE_MS + left * MINUTE_MS
  const { moments, after } = momentsOf(end, quiet.zone)
  return moments.find((moment) => moment > now) ?? Math.max(after, now + MINUTE_MS)
}

/** Whether they leave no minute of the week for work. */
export function isAlwaysQuiet(windows: readonly QuietWindow[]): boolean {
  return minutesLeft(windows, 0) === Infinity
}

function minuteOfWeek(local: LocalTime): number {
  const date = new Date(local)
  return date.getUTCDay() * DAY_MINUTES + date.getUTCHours() * 60 + date.getUTCMinutes()
}

/** Windows that meet are one. Infinity: they are the whole week. */
function minutesLeft(windows: readonly QuietWindow[], minute: number): number | undefined {
  let end = minute
  for (;;) {
    const further = Math.max(...windows.flatMap((window) => endsAfter(window, end)))
    if (further <= end) return end === minute ? undefined : end - minute
    end = further
    if (end - minute >= WEEK_MINUTES) return Infinity
  }
}

/** The ends, in minutes counted on, of those times of the window that hold at a minute. */
function endsAfter({ from, to, days = weekdayNames }: QuietWindow, minute: number): number[] {
  const [start, stop] = [minutesOf(from), minutesOf(to)]
  const length = stop > start ? stop - start : stop - start + DAY_MINUTES
  return days.flatMap((day) => {
    const begin = weekdayNames.indexOf(day) * DAY_MINUTES + start
    const since = (((minute - begin) % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES
    return since < length ? [minute - since + length] : []
  })
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number)
  return hours * 60 + minutes
}
