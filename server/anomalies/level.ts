import { median, spread } from "./robust.js"

export interface LevelRules {
  /** How many values before are looked at. */
  readonly window: number
  /** How many of them there must be at least. */
  readonly least: number
  /** For how many values in a row the change is told; then it is what is usual. */
  readonly longest: number
  /** Whether a value is far off what was usual. */
  readonly isOff: (value: number, usual: number) => boolean
}

export interface Level {
  /** Where the first value lies that is off. */
  readonly at: number
  /** The median of those before. */
  readonly usual: number
}

/** So many spreads off what is usual, where values vary. */
const FAR = 3.5
/** What happened so often already, and passed, is how this source is. */
const HABIT = 2
/** In so many windows before. */
const HABIT_WINDOWS = 3

/**
 * Where a row of values left what was usual and did not come back: its last ones, as many as there are, are all off the median of
 * those before. Undefined where there is none, where too little is known, where values vary so much, and where it is a habit. Pure.
 */
export function changedLevel(values: readonly number[], rules: LevelRules): Level | undefined {
  const from = Math.max(rules.least, values.length - rules.longest)
  for (let at = values.length - 1; at >= from; at--) {
    const before = values.slice(Math.max(0, at - rules.window), at)
    const usual = median(before)
    const isOff = (value: number | undefined): boolean => value !== undefined && rules.isOff(value, usual)
    const far = FAR * spread(before)
    if (isOff(values[at - 1])) continue
    // Of one that grows or swings the spread is wide; what is far off each of them is far off all the same.
    const isFar = (value: number): boolean =>
      Math.abs(value - usual) > far || before.every((one) => rules.isOff(value, one))
    if (!values.slice(at).every((value) => isOff(value) && isFar(value))) continue
    const earlier = values.slice(Math.max(0, at - rules.window * HABIT_WINDOWS), at)
    return episodes(earlier, usual, rules.isOff) >= HABIT ? undefined : { at, usual }
  }
  return undefined
}

/** How often values left at once, and came back: of one that drifts none did. */
function episodes(values: readonly number[], usual: number, isOff: LevelRules["isOff"]): number {
  return values.filter((value, at) => {
    const before = values[at - 1]
    return before !== undefined && isOff(value, usual) && !isOff(before, usual) && isOff(value, before)
  }).length
}
