const UNIT_NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/** Go's time.Duration is 63 bits of nanoseconds, about 292 years. */
const LONGEST_NANOSECONDS = 2 ** 63

/** Milliseconds of a duration as Go's time.ParseDuration reads it: `500ms`, `1m30s`, `-30s`, `1.5h`, `0`. Undefined for all else. */
export function parseGoDuration(text: string): number | undefined {
  const negative = text.startsWith("-")
  const unsigned = negative || text.startsWith("+") ? text.slice(1) : text
  if (unsigned === "0") return 0
  if (unsigned === "") return undefined
  let nanoseconds = 0
  PART.lastIndex = 0
  while (PART.lastIndex < unsigned.length) {
    const [, number = "", unit = ""] = PART.exec(unsigned) ?? []
    if (number === "") return undefined
    nanoseconds += Number(number) * (UNIT_NANOSECONDS[unit] ?? NaN)
  }
  if (nanoseconds >= LONGEST_NANOSECONDS) return undefined
  return nanoseconds === 0 ? 0 : (negative ? -nanoseconds : nanoseconds) / 1e6
}
