/** A moment as a calendar and a clock on the wall show it, as milliseconds of a UTC that shows the same. */
export type LocalTime = number

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Whether it names a time zone that this machine knows, such as "Europe/Berlin" or "UTC". */
export function isZone(zone: string): boolean {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

/** What a clock on the wall of that zone shows at a moment (Unix milliseconds), to the second. */
export function localTime(moment: number, zone: string): LocalTime {
  const second = Math.floor(moment / 1000) * 1000
  if (zone === "UTC") return second
  const parts: Record<string, number> = {}
  for (const { type, value } of formatterOf(zone).formatToParts(second)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, seconds)
}

/**
 * The moments at which the wall shows this: one; two when clocks go back, the first one first; none when they go forward over it.
 * Then `after` is the first moment after the gap.
 */
export function momentsOf(
  local: LocalTime,
  zone: string,
): { readonly moments: readonly number[]; readonly after: number } {
  if (zone === "UTC") return { moments: [local], after: local }
  // No zone is further than 14 h from UTC, and none changes twice within two days.
  const offsets = [...new Set([offsetAt(local - DAY_MS, zone), offsetAt(local + DAY_MS, zone)])]
  const moments = offsets
    .map((offset) => local - offset)
    .filter((moment) => localTime(moment, zone) === local)
    .sort((one, other) => one - other)
  return { moments, after: moments[0] ?? endOfGap(local, offsets, zone) }
}

const DAY_MS = 86_400_000

function offsetAt(moment: number, zone: string): number {
  return localTime(moment, zone) - Math.floor(moment / 1000) * 1000
}

/** The moment at which clocks go forward over `local`, to the second. */
function endOfGap(local: LocalTime, offsets: readonly number[], zone: string): number {
  let before = local - Math.max(...offsets)
  let after = local - Math.min(...offsets)
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000
    if (localTime(middle, zone) > local) after = middle
    else before = middle
  }
  return after
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  formatters.set(zone, formatter)
  return formatter
}
