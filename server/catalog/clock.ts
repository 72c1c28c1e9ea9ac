/** One moment on both clocks. The monotonic one stands still while the machine sleeps; the wall clock may be set. */
export interface Moment {
  /** Milliseconds of the monotonic clock, the same in every thread of the process. */
  readonly mono: number
  /** Unix milliseconds. */
  readonly wall: number
}

export interface Clock {
  now(): Moment
}

export const systemClock: Clock = {
  now: () => ({ mono: Number(process.hrtime.bigint() / 1_000n) / 1_000, wall: Date.now() }),
}

/** Clocks of two readings may drift apart by this much before we say that somebody set the wall clock. */
const JUMP_MS = 5_000

/**
 * Age in milliseconds by the larger of both clocks. A wall clock that went back makes everything before it old, because
 * nobody can say by how much it had been wrong: Infinity.
 */
export function ageOf(then: Moment, now: Moment): number {
  const wall = now.wall - then.wall
  const mono = now.mono - then.mono
  if (wall < mono - JUMP_MS) return Infinity
  return Math.max(wall, mono)
}
