import type { Snapshot } from "../../storage/index.js"

/** The snapshots of one source, by start, and by id where they start alike: whatever order they came in. */
export interface History {
  readonly all: readonly Snapshot[]
  readonly complete: readonly Snapshot[]
  /** Not complete, one for each run: all checkpoints of a run have its start, and so has what it completed at last. */
  readonly unfinished: readonly Snapshot[]
  /** The newest complete one that does not lie in the future. */
  readonly newest: Snapshot | undefined
}

/** What a clock may be ahead. */
export const CLOCK_TOLERANCE_MS = 10 * 60_000

export function historyOf(snapshots: readonly Snapshot[], now: number): History {
  const all = [...snapshots].sort(
    (one, other) =>
      Number(one.start > other.start) - Number(one.start < other.start) || order(one.id, other.id),
  )
  // A snapshot that was rewritten or tagged is there twice, and is one backup.
  const complete = [
    ...new Map(
      all
        .filter(({ incomplete }) => incomplete === undefined)
        .map((snapshot) => [`${snapshot.start} ${snapshot.root ?? snapshot.id}`, snapshot]),
    ).values(),
  ]
  const unfinished = [
    ...new Map(
      all.filter(({ incomplete }) => incomplete !== undefined).map((snapshot) => [snapshot.start, snapshot]),
    ).values(),
  ]
  const newest = complete.findLast((snapshot) => !isAhead(snapshot, now))
  return { all, complete, unfinished, newest }
}

export function startMs({ start }: Pick<Snapshot, "start">): number {
  return Number(start / 1_000_000n)
}

export function isAhead(snapshot: Snapshot, now: number): boolean {
  return startMs(snapshot) > now + CLOCK_TOLERANCE_MS
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
