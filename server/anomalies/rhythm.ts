import { median } from "./robust.js"

export interface Rhythm {
  /** Usual time from start to start. */
  readonly intervalMs: number
  /** The longest time without a backup that is nothing new: nights, weekends. */
  readonly pauseMs: number
}

/** Fewer say nothing. */
const LEAST_GAPS = 2
/** Of fewer, the longest may be far from what is usual: so many times it has to pass. */
const ENOUGH_GAPS = 4
const PATIENCE = 4
const NEWEST_GAPS = 10
const MOST_GAPS = 30
/** A gap counts as usual up to this multiple of the median. */
const USUAL = 1.5
/** From so many gaps on, one long pause was an outage and no habit. */
const MANY_GAPS = 15
const ONE_RUN_MS = 1000

/**
 * How often a source was backed up, by the starts of its complete snapshots, oldest first. Retention thins out old ones, so that
 * gaps grow with age: only where short gaps lie on both sides of a long one was it a pause. Undefined where too little is known.
 */
export function rhythmOf(starts: readonly number[]): Rhythm | undefined {
  const gaps = starts
    .slice(1)
    .map((start, at) => start - (starts[at] ?? start))
    .filter((gap) => gap >= ONE_RUN_MS)
    .slice(-MOST_GAPS)
    .reverse()
  if (gaps.length < LEAST_GAPS) return undefined
  const intervalMs = median(gaps.slice(0, NEWEST_GAPS))
  if (gaps.length < ENOUGH_GAPS) return { intervalMs, pauseMs: PATIENCE * Math.max(...gaps) }
  const dense = gaps.slice(0, gaps.findLastIndex((gap) => gap <= USUAL * intervalMs) + 1)
  const longest = [...dense].sort((one, other) => other - one)
  const pauseMs = longest[dense.length >= MANY_GAPS ? 1 : 0] ?? intervalMs
  return { intervalMs, pauseMs: Math.max(intervalMs, pauseMs) }
}

/** How often there were at least so many runs in a row with gaps of at most `closeMs`, up to the newest: the length of that row. */
export function closeRuns(starts: readonly number[], closeMs: number): number {
  let runs = 1
  for (let at = starts.length - 1; at > 0; at--) {
    const gap = (starts[at] ?? 0) - (starts[at - 1] ?? 0)
    if (gap > closeMs) break
    if (gap >= ONE_RUN_MS) runs++
  }
  return runs
}
