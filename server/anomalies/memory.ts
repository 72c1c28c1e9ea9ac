import type { Snapshot } from "../../storage/index.js"
import { type Anomaly, snapshotKey } from "./anomaly.js"

/** What is remembered of a source between looks: small, plain JSON. */
export interface SourceMemory {
  /** The snapshot that was compared last; "" before the first time. */
  readonly compared: string
  /** What was found in steps, told as long as the snapshot is there: newest last. */
  readonly found: readonly Anomaly[]
  /** When what could not be compared was tried again last, in Unix milliseconds. */
  readonly retriedAt?: number
}

export const noMemory: SourceMemory = { compared: "", found: [] }

/** Two complete snapshots to compare, and those before them. */
export interface Step {
  readonly before: Snapshot | undefined
  readonly after: Snapshot
  readonly earlier: readonly Snapshot[]
}

const MOST_FOUND = 50
const EARLIER = 3

/**
 * The steps that are still to be compared, oldest first and at most `most` of the newest: each snapshot is compared once. Where nothing
 * was compared yet, or retention took what was, it is the newest step. `complete` by start, oldest first.
 */
export function stepsToCompare(
  source: string,
  complete: readonly Snapshot[],
  { compared }: SourceMemory,
  most: number,
): Step[] {
  const last = complete.findIndex((snapshot) => snapshotKey(source, snapshot) === compared)
  const from = last >= 0 ? last + 1 : complete.length - 1
  return stepsOf(complete).slice(Math.max(0, from, complete.length - most))
}

/** Every step, the first snapshot from nothing. */
export function stepsOf(complete: readonly Snapshot[]): Step[] {
  return complete.map((after, at) => ({
    before: complete[at - 1],
    after,
    earlier: complete.slice(Math.max(0, at - 1 - EARLIER), Math.max(0, at - 1)),
  }))
}

/** The memory after a step was compared. What was found in snapshots that are gone is forgotten. */
export function remembered(
  source: string,
  memory: SourceMemory,
  { after }: Step,
  found: readonly Anomaly[],
  listed: readonly Snapshot[],
): SourceMemory {
  const keys = new Set(listed.map((snapshot) => snapshotKey(source, snapshot)))
  const kept = [...memory.found, ...found].filter(({ subject }) => keys.has(subject.key))
  return { ...memory, compared: snapshotKey(source, after), found: kept.slice(-MOST_FOUND) }
}

/** What could not be compared is tried again so seldom: it may mean reading most of two trees. */
const RETRY_MS = 24 * 3_600_000

/** The steps that could not be compared to their end, when it is time to try them again. A clock that was set back waits for nothing. */
export function stepsToRetry(
  source: string,
  complete: readonly Snapshot[],
  { found, retriedAt }: SourceMemory,
  now: number,
): Step[] {
  if (retriedAt !== undefined && now >= retriedAt && now - retriedAt < RETRY_MS) return []
  const unclear = new Set(
    found.filter(({ code }) => code === "not_compared").map(({ subject }) => subject.key),
  )
  if (unclear.size === 0) return []
  return stepsOf(complete).filter(({ after }) => unclear.has(snapshotKey(source, after)))
}

/** The memory after a step was compared once more: what it tells now takes the place of what it told. */
export function retried(
  source: string,
  memory: SourceMemory,
  { after }: Step,
  found: readonly Anomaly[],
  now: number,
): SourceMemory {
  const key = snapshotKey(source, after)
  const others = memory.found.filter(({ subject }) => subject.key !== key)
  return { ...memory, found: [...others, ...found].slice(-MOST_FOUND), retriedAt: now }
}
