import type { JobMemory, RunEnd, RunFilter, RunRow, Runs } from "../db/index.js"
import { type JobContext, type JobSubject, subjectKey } from "./kind.js"

export interface RunBookParts {
  readonly runs: Runs
  readonly memory: JobMemory
  /** Unix milliseconds. */
  readonly now: () => number
}

/** What is written down of runs: each step is on the disk, whole, when its call returns. Throws DatabaseError. */
export class RunBook {
  readonly #parts: RunBookParts

  constructor(parts: RunBookParts) {
    this.#parts = parts
  }

  get(id: string): RunRow | undefined {
    return this.#parts.runs.get(id)
  }

  list(filter: RunFilter, before: string | undefined, limit: number): RunRow[] {
    return this.#parts.runs.list(filter, before, limit)
  }

  newestId(): string | undefined {
    return this.#parts.runs.newestId()
  }

  /** Somebody was told the ids of these: they must not be forgotten while they wait. */
  promised(rows: readonly RunRow[]): void {
    const { runs } = this.#parts
    runs.transaction(() => {
      for (const row of rows) runs.put(row)
    })
  }

  /** A run that begins, or one that was skipped. A scheduled one settles what was due until now. */
  entered(row: RunRow): void {
    const { runs, memory, now } = this.#parts
    runs.transaction(() => {
      runs.put(row)
      if (row.cause === "schedule" || row.cause === "missed") memory.handled(row.kind, row.subject, now())
    })
  }

  /** False: it had its outcome already. */
  ended(row: RunRow, end: RunEnd): boolean {
    const { runs, memory } = this.#parts
    const { id, kind, subject } = row
    const isGood = end.outcome === "ok" || end.outcome === "findings"
    return runs.transaction(() => {
      if (!runs.end(id, end)) return false
      const lastGoodAt = isGood ? end.endedAt : null
      memory.ended({ kind, subject, lastRun: id, lastOutcome: end.outcome, lastAt: end.endedAt, lastGoodAt })
      if (isGood) memory.clearCheckpoint(kind, subject)
      return true
    })
  }

  settle(id: string): void {
    this.#parts.runs.settle(id)
  }

  /** Those that the last daemon left without an outcome. */
  open(): RunRow[] {
    return this.#parts.runs.open()
  }

  again(): RunRow[] {
    return this.#parts.runs.again()
  }

  checkpoint(kind: string, subject: JobSubject): JobContext["checkpoint"] {
    const { memory, now } = this.#parts
    const key = subjectKey(subject)
    return {
      // What cannot be written rejects the run's own promise; it never throws into the thread's messages.
      get: async () => {
        const text = await Promise.resolve(memory.checkpoint(kind, key))
        return text === undefined ? undefined : (JSON.parse(text) as unknown)
      },
      set: async (value) => {
        const text = JSON.stringify(value) as string | undefined
        if (text === undefined) throw new TypeError("a checkpoint is JSON")
        memory.saveCheckpoint(kind, key, text, now())
        await Promise.resolve()
      },
    }
  }
}
