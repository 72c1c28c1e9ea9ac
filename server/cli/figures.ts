/** "1.4 GiB"; "-" where it is not known. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return "-"
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
  const step = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step] ?? ""}`
}

export function formatCount(count: number | null): string {
  return count === null ? "-" : String(count)
}

/** "2026-11-21 03:00:00" in UTC; "-" where it is not known. */
export function formatTime(time: string | null): string {
  return time === null ? "-" : time.slice(0, 19).replace("T", " ")
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** "40 min ago", "7 h ago", "12 d ago"; "-" where it is not known, "just now" for less than a minute and for the future. */
export function formatAge(time: string | null, now: number = Date.now()): string {
  if (time === null) return "-"
  const age = now - Date.parse(time)
  if (age < MINUTE_MS) return "just now"
  if (age < 2 * HOUR_MS) return `${Math.floor(age / MINUTE_MS)} min ago`
  if (age < 2 * DAY_MS) return `${Math.floor(age / HOUR_MS)} h ago`
  return `${Math.floor(age / DAY_MS)} d ago`
}

/** "2026-11-21 03:00:00 (7 h ago)"; "never" where there is none. */
export function formatProof(time: string | null, now: number = Date.now()): string {
  return time === null ? "never" : `${formatTime(time)} (${formatAge(time, now)})`
}
