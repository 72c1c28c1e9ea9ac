import type { Runs } from "../db/index.js"
import type { JobKind } from "./kind.js"
import { RunIds } from "./run-ids.js"
import type { RunLogs } from "./run-log.js"

export interface TidyParts {
  readonly runs: Runs
  readonly logs: RunLogs
  /** Unix milliseconds. */
  readonly now: () => number
  readonly keep?: HistoryLimits
}

export interface HistoryLimits {
  readonly runs: number
  readonly days: number
}

const usualHistory: HistoryLimits = { runs: 100_000, days: 400 }
const DAY_MS = 86_400_000
/** So few at once that nobody waits for them. */
const BATCH = 200

/** The job that keeps the history of runs from growing without end. */
export function tidyJob({ runs, logs, now, keep = usualHistory }: TidyParts): JobKind {
  return {
    name: "tidy",
    title: `removes runs beyond the newest ${keep.runs} or older than ${keep.days} days, and their logs`,
    of: "whole",
    changing: false,
    resumable: false,
    light: true,
    schedule: { cron: "17 4 * * *", zone: "UTC", spreadMs: 0 },
    run: async (context) => {
      const before = new RunIds(undefined).next(now() - keep.days * DAY_MS)
      let removed = 0
      for (;;) {
        context.signal.throwIfAborted()
        const ids = runs.trim(keep.runs, before, BATCH)
        if (ids.length === 0) break
        await logs.remove(ids)
        removed += ids.length
        context.progress({ done: removed, unit: "items", text: "runs" })
      }
      return { outcome: "ok", facts: { removed } }
    },
  }
}
