const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const

/** "1.4 GiB". */
export function sizeInWords(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step] ?? ""}`
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** "36 hours", "5 days". */
export function spanInWords(ms: number): string {
  if (ms >= 3 * DAY_MS) return counted(Math.round(ms / DAY_MS), "day")
  if (ms >= 1.5 * HOUR_MS) return counted(Math.round(ms / HOUR_MS), "hour")
  return counted(Math.round(ms / 60_000), "minute")
}

/** "1 file", "2 files". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`
}
