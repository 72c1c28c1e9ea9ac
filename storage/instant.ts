import { StorageError } from "./errors.js"

/** Nanoseconds since 1970-01-01T00:00:00Z. Both engines keep nanoseconds, which a JavaScript Date would lose. */
export type Instant = bigint

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))$/

export interface ParsedTime {
  readonly instant: Instant
  /** Minutes east of UTC that the writer's clock showed. Retention of restic needs it. */
  readonly offsetMinutes: number
}

/**
 * Parses RFC 3339 with zero to nine fractional digits, as Go's time.Time marshals itself.
 * Throws StorageError `corrupt` for anything else, including dates that do not exist.
 */
export function parseTime(text: string): ParsedTime {
  const match = RFC3339.exec(text)
  if (match === null)
    throw new StorageError("corrupt", `not an RFC 3339 time: ${JSON.stringify(text.slice(0, 64))}`)
  const [, year, month, day, hour, minute, second, fraction, , sign, offsetHour, offsetMinute] = match
  const wall = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; Go writes year 1 for "no time".
  const date = new Date(wall)
  if (Number(year) < 100) date.setUTCFullYear(Number(year))
  const exists =
    date.getUTCMonth() === Number(month) - 1 &&
    date.getUTCDate() === Number(day) &&
    date.getUTCHours() === Number(hour)
  if (!exists || Number(minute) > 59 || Number(second) > 59) {
    throw new StorageError("corrupt", `no such time: ${JSON.stringify(text)}`)
  }
  const offsetMinutes =
    sign === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute))
  const nanoseconds = BigInt((fraction ?? "").padEnd(9, "0"))
  return {
    instant: BigInt(date.getTime()) * 1_000_000n + nanoseconds - BigInt(offsetMinutes) * 60_000_000_000n,
    offsetMinutes,
  }
}

/** RFC 3339 in UTC with trailing zeros of the fraction cut, exactly as Go prints it. */
export function formatInstant(instant: Instant): string {
  const perSecond = 1_000_000_000n
  const nanoseconds = ((instant % perSecond) + perSecond) % perSecond
  const seconds = new Date(Number((instant - nanoseconds) / 1_000_000n)).toISOString().slice(0, 19)
  const fraction = nanoseconds === 0n ? "" : "." + nanoseconds.toString().padStart(9, "0").replace(/0+$/, "")
  return `${seconds}${fraction}Z`
}
