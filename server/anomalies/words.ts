const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const

/** "1.4 GiB". */
export function sizeInWords(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step] ?? ""}`
}

/** "36 hours", "5 days". */
export function spanInWords(ms: number): string {
  const [length, unit] =
    ms >= 72 * 3_600_000 ? [86_400_000, "day"] : ms >= 90 * 60_000 ? [3_600_000, "hour"] : [60_000, "minute"]
  return counted(Math.round(ms / (length as number)), unit as string)
}

/** "1 file", "2 files". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`
}
