import { createTask, type ParsedFields, validateDetailed } from "node-cron"
import { type LocalTime, localTime, momentsOf } from "./zone.js"

/** A cron expression that names some time. */
export interface Cron {
  readonly text: string
  readonly months: ReadonlySet<number>
  readonly hours: readonly number[]
  readonly minutes: readonly number[]
  /** Whether it names this day, given as its midnight. The month is not looked at. */
  readonly namesDay: (midnight: LocalTime) => boolean
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
/** 29 February on a given weekday comes every 28 years; over a century's turn every 40. */
const HORIZON_DAYS = 41 * 366
const LONGEST = 100

/**
 * Parses five fields (minute, hour, day of month, month, weekday: a day must fit both) or a nickname such as "@daily", as node-cron
 * does. A string instead: what is wrong with it, as a phrase.
 */
export function parseCron(text: string): Cron | string {
  const wrong = refused(text)
  if (wrong !== undefined) return wrong
  const { fields, errors } = validateDetailed(text)
  if (fields === undefined)
    return errors[0]?.message.replace("a invalid", "an invalid") ?? "not a cron expression"
  const cron: Cron = {
    text,
    months: new Set(fields.month),
    hours: sorted(fields.hour),
    minutes: sorted(fields.minute),
    namesDay: dayTest(text, fields),
  }
  return nextTime(cron, "UTC", Date.UTC(2024, 0, 1)) === undefined
    ? "it never comes: no year has such a day"
    : cron
}

/** node-cron unfolds a range such as 0-99999999 before it looks whether that can be, and takes half a minute for it. */
function refused(text: string): string | undefined {
  if (text.length > LONGEST) return `at most ${LONGEST} characters`
  if (/\d{3}/.test(text)) return "no field has numbers of three digits"
  if (/\/0*($|[\s,])/.test(text)) return "a step of nothing"
  const fields = text.trim().split(/\s+/)
  if (text.trim().startsWith("@")) return undefined
  if (fields.length !== 5)
    return `five fields are wanted (minute hour day month weekday), ${fields.length} are here`
  const most = [59, 23, 31, 12, 7]
  const wide = fields.find((field, at) => Number(/\/(\d+)/.exec(field)?.[1] ?? 1) > (most[at] ?? 0))
  return wide === undefined ? undefined : `${wide}: the step is longer than the field`
}

function sorted(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((one, other) => one - other)
}

function dayTest(
  text: string,
  { dayOfMonth, dayOfWeek, hour, minute, month }: ParsedFields,
): Cron["namesDay"] {
  const whole = (field: readonly (number | string)[], count: number): boolean =>
    new Set(field.filter((value) => typeof value === "number")).size === count
  if (whole(dayOfMonth, 31) && whole(dayOfWeek, 7)) return () => true
  const task = createTask(text, () => undefined, { timezone: "UTC" })
  // It is never started; in the library's list of tasks it would stay for ever.
  void task.destroy()
  const [first = 0, firstMinute = 0] = [sorted(hour)[0], sorted(minute)[0]]
  const months = new Set(month)
  return (midnight) =>
    months.has(new Date(midnight).getUTCMonth() + 1) &&
    task.match(new Date(midnight + first * HOUR_MS + firstMinute * MINUTE_MS))
}

/**
 * The first moment after `after` that the expression names in the zone, in Unix milliseconds; undefined: none for forty years.
 * When clocks go forward over a named time, it comes at the end of the gap; when they go back, it comes once, the first time. An
 * expression for every hour goes by hours as they pass instead: none is left out, none doubled.
 */
export function nextTime(cron: Cron, zone: string, after: number): number | undefined {
  const { months } = cron
  const first = Math.floor(localTime(after, zone) / DAY_MS) * DAY_MS - DAY_MS
  for (let day = 0; day <= HORIZON_DAYS; day++) {
    const midnight = first + day * DAY_MS
    const date = new Date(midnight)
    const month = date.getUTCMonth() + 1
    if (!months.has(month)) {
      day += daysLeftInMonth(date) - 1
      continue
    }
    const found = cron.namesDay(midnight) ? firstOnDay(cron, zone, midnight, after) : undefined
    if (found === undefined) continue
    // Clocks that go back over midnight mix two days.
    const next = midnight + DAY_MS
    const later =
      zone !== "UTC" && months.has(new Date(next).getUTCMonth() + 1) && cron.namesDay(next)
        ? firstOnDay(cron, zone, next, after)
        : undefined
    return Math.min(found, later ?? found)
  }
  return undefined
}

function daysLeftInMonth(date: Date): number {
  const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
  return Math.round((next - date.getTime()) / DAY_MS)
}

function firstOnDay(cron: Cron, zone: string, midnight: LocalTime, after: number): number | undefined {
  const { hours, minutes } = cron
  // Nothing of the day is later than this.
  if (midnight + 2 * DAY_MS <= after - 14 * HOUR_MS) return undefined
  const offset = steadyOffset(zone, midnight)
  let found: number | undefined
  for (const hour of hours) {
    for (const minute of minutes) {
      const local = midnight + hour * HOUR_MS + minute * MINUTE_MS
      if (offset !== undefined) {
        if (local - offset > after) return local - offset
        continue
      }
      for (const moment of named(local, zone, hours.length === 24)) {
        if (moment > after && moment < (found ?? Infinity)) found = moment
      }
    }
  }
  return found
}

/** What the zone is ahead of UTC on a whole day and some hours around it; undefined when clocks change then. */
function steadyOffset(zone: string, midnight: LocalTime): number | undefined {
  if (zone === "UTC") return 0
  const [before, later] = [midnight - 18 * HOUR_MS, midnight + 42 * HOUR_MS]
  const offset = localTime(before, zone) - before
  return localTime(later, zone) - later === offset ? offset : undefined
}

function named(local: LocalTime, zone: string, everyHour: boolean): readonly number[] {
  const { moments, after } = momentsOf(local, zone)
  if (everyHour) return moments
  return moments.length === 0 ? [after] : moments.slice(0, 1)
}

/** `nextTime` that remembers: many subjects of one schedule ask for the same night. */
export class CronTimes {
  readonly #cron: Cron
  readonly #zone: string
  /** Between these the answer is the same. */
  #known: readonly { readonly from: number; readonly next: number | undefined }[] = []

  constructor(cron: Cron, zone: string) {
    this.#cron = cron
    this.#zone = zone
  }

  next(after: number): number | undefined {
    const known = this.#known.find(({ from, next }) => from <= after && after < (next ?? Infinity))
    if (known !== undefined) return known.next
    const next = nextTime(this.#cron, this.#zone, after)
    const widened = this.#known.find((one) => one.next === next && after < one.from)
    this.#known = [{ from: after, next }, ...this.#known.filter((one) => one !== widened)].slice(0, 8)
    return next
  }
}
