const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const AGE = /^(0|[1-9]\d{0,4})([mhdw])$/

/** Milliseconds of an age such as "90m", "24h", "7d" or "2w". Undefined for all else. */
export function parseAge(text: string): number | undefined {
  const [, number, unit] = AGE.exec(text) ?? []
  if (number === undefined || unit === undefined) return undefined
  return Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS]
}
