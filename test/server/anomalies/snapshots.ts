import type { Snapshot } from "../../../storage/index.js"

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
/** 2026-11-20T03:00:00Z */
export const NOW = Date.UTC(2026, 10, 20, 3)

let made = 0

/** A complete snapshot that began at `at`, in Unix milliseconds. */
export function snapshot(at: number, more: Partial<Snapshot> = {}): Snapshot {
  made++
  return {
    id: made.toString(16).padStart(32, "0"),
    source: { user: "app", host: "home", paths: ["/data"] },
    start: BigInt(Math.round(at)) * 1_000_000n,
    end: undefined,
    incomplete: undefined,
    root: `k${made.toString(16).padStart(32, "0")}`,
    bytes: 1 << 30,
    files: 1000,
    failedFiles: 0,
    tags: [],
    pins: [],
    description: "",
    ...more,
  }
}

/** Daily ones up to now, oldest first, with these figures each. */
export function daily(figures: readonly Partial<Snapshot>[], now = NOW): Snapshot[] {
  return figures.map((more, at) => snapshot(now - (figures.length - 1 - at) * DAY, more))
}
