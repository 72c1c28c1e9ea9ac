import { formatBytes } from "./figures.js"

/** How far long work is, as it is shown. */
export interface ProgressFigures {
  readonly done: number
  /** Undefined while nobody knows. */
  readonly total: number | undefined
  /** "bytes", or what is counted: "snapshots". */
  readonly unit: string
  /** Of the unit in a second; undefined before it can be told. */
  readonly rate: number | undefined
  /** Undefined where the rate or the total is not known. */
  readonly secondsLeft: number | undefined
}

/** One document on one line, for programs. */
export function progressJson(
  label: string,
  { done, total, unit, rate, secondsLeft }: ProgressFigures,
): string {
  return JSON.stringify({
    progress: {
      label,
      done,
      total: total ?? null,
      unit,
      rate: rate === undefined ? null : Math.round(rate),
      secondsLeft: secondsLeft === undefined ? null : Math.ceil(secondsLeft),
    },
  })
}

const SHORTEST_BAR = 8
const LONGEST_BAR = 30

/** One line of at most `width` characters: "scrub [####----] 1.2 GiB of 4.0 GiB  210 MiB/s  14 s left". */
export function progressBar(label: string, figures: ProgressFigures, width: number): string {
  const { done, total, unit, rate, secondsLeft } = figures
  const plain = (count: number): string => (unit === "bytes" ? formatBytes(count) : String(Math.round(count)))
  const named = (text: string): string => (unit === "bytes" ? text : `${text} ${unit}`)
  const words = [
    named(total === undefined ? plain(done) : `${plain(done)} of ${plain(total)}`),
    ...(rate === undefined ? [] : [`${named(plain(rate))}/s`]),
    ...(secondsLeft === undefined ? [] : [`${formatSeconds(secondsLeft)} left`]),
  ].join("  ")
  const room = Math.min(LONGEST_BAR, width - label.length - words.length - " [] ".length)
  if (total === undefined || room < SHORTEST_BAR) return `${label} ${words}`.slice(0, width)
  const full = total === 0 ? room : Math.min(room, Math.floor((room * done) / total))
  return `${label} [${"#".repeat(full)}${"-".repeat(room - full)}] ${words}`
}

/** "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return two(whole, 60, "min", 1, "s")
  if (whole < 86_400) return two(whole, 3600, "h", 60, "min")
  return two(whole, 86_400, "d", 3600, "h")
}

function two(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small)
  return `${Math.floor(seconds / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`
}
