import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** A run of a job as it is kept. Times are Unix milliseconds. */
export interface RunRow {
  /** Sorts by time. */
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly type: "repository" | "store" | "whole"
  readonly repository: string | null
  readonly store: string | null
  readonly path: string | null
  readonly place: string | null
  readonly cause: "schedule" | "missed" | "person" | "retry" | "resume"
  readonly by: string | null
  readonly attempt: number
  readonly follows: string | null
  readonly dueAt: number | null
  readonly queuedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly outcome: RunOutcome | null
  readonly reason: string | null
  readonly message: string | null
  readonly again: 0 | 1
  /** JSON. */
  readonly progress: string | null
  /** JSON. */
  readonly facts: string | null
}

export type RunOutcome = "ok" | "findings" | "failed" | "interrupted" | "skipped"

export type RunEnd = Pick<RunRow, "outcome" | "reason" | "message" | "again" | "progress" | "facts"> & {
  readonly endedAt: number
}

export interface RunFilter {
  readonly kind?: string | undefined
  readonly repository?: string | undefined
  readonly store?: string | undefined
  readonly outcome?: RunOutcome | undefined
}

const FILTERS = ["kind", "repository", "store", "outcome"] as const

const COLUMNS = `id, kind, subject, type, repository, store, path, place, cause, by, attempt, follows, due_at AS dueAt,
  queued_at AS queuedAt, started_at AS startedAt, ended_at AS endedAt, outcome, reason, message, again, progress, facts`

/** The history of runs. */
export class Runs {
  readonly #connection: Database.Database
  readonly #put
  readonly #end
  readonly #get
  readonly #newest
  readonly #open
  readonly #again
  readonly #settle
  readonly #nth
  readonly #older
  readonly #remove
  readonly #lists = new Map<string, Database.Statement<unknown[], RunRow>>()

  constructor(connection: Database.Database) {
    this.#connection = connection
    this.#put = connection.prepare<RunRow>(
      `INSERT OR REPLACE INTO run VALUES (@id, @kind, @subject, @type, @repository, @store, @path, @place, @cause, @by, @attempt,
       @follows, @dueAt, @queuedAt, @startedAt, @endedAt, @outcome, @reason, @message, @again, @progress, @facts)`,
    )
    this.#end = connection.prepare<RunEnd & { readonly id: string }>(
      `UPDATE run SET ended_at = @endedAt, outcome = @outcome, reason = @reason, message = @message, again = @again,
       progress = coalesce(@progress, progress), facts = @facts WHERE id = @id AND outcome IS NULL`,
    )
    this.#get = connection.prepare<[string], RunRow>(`SELECT ${COLUMNS} FROM run WHERE id = ?`)
    this.#newest = connection.prepare<[], string | null>("SELECT max(id) FROM run").pluck()
    this.#open = connection.prepare<[], RunRow>(
      `SELECT ${COLUMNS} FROM run WHERE outcome IS NULL ORDER BY id`,
    )
    this.#again = connection.prepare<[], RunRow>(`SELECT ${COLUMNS} FROM run WHERE again = 1 ORDER BY id`)
    this.#settle = connection.prepare<[string]>("UPDATE run SET again = 0 WHERE id = ?")
    this.#nth = connection
      .prepare<[number], string>("SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?")
      .pluck()
    this.#older = connection
      .prepare<[string, number], string>(
        "SELECT id FROM run WHERE id < ? AND outcome IS NOT NULL AND again = 0 ORDER BY id LIMIT ?",
      )
      .pluck()
    this.#remove = connection.prepare<[string]>("DELETE FROM run WHERE id = ?")
  }

  /** All that `work` writes is kept, or nothing. */
  transaction<T>(work: () => T): T {
    return translated("saving a run", () => this.#connection.transaction(work)())
  }

  put(row: RunRow): void {
    translated("saving a run", () => this.#put.run(row))
  }

  /** False: it had an outcome already, and keeps that one. */
  end(id: string, end: RunEnd): boolean {
    return translated("saving a run's outcome", () => this.#end.run({ id, ...end }).changes > 0)
  }

  get(id: string): RunRow | undefined {
    return translated("reading a run", () => this.#get.get(id))
  }

  newestId(): string | undefined {
    return translated("reading runs", () => this.#newest.get() ?? undefined)
  }

  /** Those without an outcome, the oldest first. */
  open(): RunRow[] {
    return translated("reading runs", () => this.#open.all())
  }

  /** Those that are to be started again. */
  again(): RunRow[] {
    return translated("reading runs", () => this.#again.all())
  }

  /** It is not to be started again any more. */
  settle(id: string): void {
    translated("saving a run", () => this.#settle.run(id))
  }

  /** The newest first, older than `before`. */
  list(filter: RunFilter, before: string | undefined, limit: number): RunRow[] {
    const said = FILTERS.filter((name) => filter[name] !== undefined)
    const values = said.map((name) => filter[name])
    return translated("reading runs", () => this.#list(said).all(...values, before ?? "~", limit))
  }

  #list(said: readonly (typeof FILTERS)[number][]): Database.Statement<unknown[], RunRow> {
    const key = said.join()
    const known = this.#lists.get(key)
    if (known !== undefined) return known
    const where = [...said.map((name) => `${name} = ?`), "id < ?"].join(" AND ")
    const statement = this.#connection.prepare<unknown[], RunRow>(
      `SELECT ${COLUMNS} FROM run WHERE ${where} ORDER BY id DESC LIMIT ?`,
    )
    this.#lists.set(key, statement)
    return statement
  }

  /**
   * Removes at most `most` of those that have their outcome and are older than the id `before` or than the newest `keep`, and gives
   * their ids.
   */
  trim(keep: number, before: string, most: number): string[] {
    return this.transaction(() => {
      const oldestKept = this.#nth.get(Math.max(0, keep - 1))
      const limit = oldestKept !== undefined && oldestKept > before ? oldestKept : before
      const ids = this.#older.all(limit, most)
      for (const id of ids) this.#remove.run(id)
      return ids
    })
  }
}
