/** Sizes are written in powers of 1024, with the unit's own name: "200G" means one thing to some and another to others. */
const units = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const

/** How sizes are written, for messages. */
export const byteSizeForm =
  'a size such as "200GiB" is wanted (KiB, MiB, GiB, TiB or PiB), or a whole number of bytes'

/** The bytes of "200GiB", "200 GiB" or "214748364800"; undefined for anything else, and for what no number holds exactly. */
export function parseByteSize(text: string): number | undefined {
  const [, digits = "", unit] = /^([1-9][0-9]{0,15}) ?(KiB|MiB|GiB|TiB|PiB)?$/.exec(text) ?? []
  if (digits === "") return undefined
  const power = unit === undefined ? 0 : units.findIndex((one) => one === unit) + 1
  const bytes = Number(digits) * 1024 ** power
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The shortest way to write it that is exact: "200GiB"; a number where it is no whole KiB. */
export function writtenByteSize(bytes: number): string | number {
  const power = [...units.keys()].reverse().find((at) => bytes % 1024 ** (at + 1) === 0)
  return power === undefined || bytes === 0 ? bytes : `${bytes / 1024 ** (power + 1)}${units[power] ?? ""}`
}
