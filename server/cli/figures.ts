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
