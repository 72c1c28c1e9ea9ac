import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import type { RunOutcome } from "./runs.js"

/** What is remembered of a kind of job on one subject. Times are Unix milliseconds. */
export interface JobMemoryRow {
  readonly kind: string
  readonly subject: string
  /** What was due until then is done with. */
  readonly handledAt: number
  readonly lastRun: string | null
  readonly lastOutcome: RunOutcome | null
  readonly lastAt: number | null
  /** When one ended last that was ok or had findings. */
  readonly lastGoodAt: number | null
}

/** What schedules remember, and how far unfinished work came. */
export class JobMemory {
  readonly #all
  readonly #handled
  readonly #ended
  readonly #checkpoint
  readonly #save
  readonly #clear

  constructor(connection: Database.Database) {
    this.#all = connection.prepare<[], JobMemoryRow>(
      `SELECT kind, subject, handled_at AS handledAt, last_run AS lastRun, last_outcome AS lastOutcome, last_at AS lastAt,
       last_good_at AS lastGoodAt FROM job_memory`,
    )
    this.#handled = connection.prepare<[string, string, number]>(
      `INSERT INTO job_memory (kind, subject, handled_at) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET handled_at = excluded.handled_at`,
    )
    this.#ended = connection.prepare<Omit<JobMemoryRow, "handledAt">>(
      `INSERT INTO job_memory VALUES (@kind, @subject, @lastAt, @lastRun, @lastOutcome, @lastAt, @lastGoodAt)
       ON CONFLICT DO UPDATE SET last_run = @lastRun, last_outcome = @lastOutcome, last_at = @lastAt,
       last_good_at = coalesce(@lastGoodAt, last_good_at)`,
    )
    this.#checkpoint = connection
      .prepare<[string, string], string>("SELECT value FROM job_checkpoint WHERE kind = ? AND subject = ?")
      .pluck()
    this.#save = connection.prepare<[string, string, string, number]>(
      "INSERT OR REPLACE INTO job_checkpoint VALUES (?, ?, ?, ?)",
    )
    this.#clear = connection.prepare<[string, string]>(
      "DELETE FROM job_checkpoint WHERE kind = ? AND subject = ?",
    )
  }

  all(): JobMemoryRow[] {
    return translated("reading what schedules remember", () => this.#all.all())
  }

  handled(kind: string, subject: string, at: number): void {
    translated("saving what schedules remember", () => this.#handled.run(kind, subject, at))
  }

  ended(row: Omit<JobMemoryRow, "handledAt">): void {
    translated("saving what schedules remember", () => this.#ended.run(row))
  }

  /** JSON; undefined when there is none. */
  checkpoint(kind: string, subject: string): string | undefined {
    return translated("reading a checkpoint", () => this.#checkpoint.get(kind, subject))
  }

  saveCheckpoint(kind: string, subject: string, value: string, at: number): void {
    translated("saving a checkpoint", () => this.#save.run(kind, subject, value, at))
  }

  clearCheckpoint(kind: string, subject: string): void {
    translated("forgetting a checkpoint", () => this.#clear.run(kind, subject))
  }
}
