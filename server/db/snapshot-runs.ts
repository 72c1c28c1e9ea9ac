import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** What came of a scheduled filesystem snapshot. Times are Unix milliseconds. */
export interface SnapshotRun {
  /** The time of the schedule that it was for. */
  readonly dueAt: number
  readonly at: number
  readonly outcome: "ok" | "failed" | "skipped"
  /** Why it is not ok. */
  readonly detail: string | undefined
  /** Names. */
  readonly made: readonly string[]
  readonly removed: readonly string[]
  /** When one was made last, by this run or an earlier one. */
  readonly madeAt: number | undefined
}

interface Row {
  readonly dueAt: number
  readonly at: number
  readonly outcome: SnapshotRun["outcome"]
  readonly detail: string | null
  readonly made: string
  readonly removed: string
  readonly madeAt: number | null
}

/** The last scheduled filesystem snapshot of each store. */
export class SnapshotRuns {
  readonly #get
  readonly #put

  constructor(connection: Database.Database) {
    this.#get = connection.prepare<[string], Row>(
      `SELECT due_at AS dueAt, at, outcome, detail, made, removed, made_at AS madeAt
       FROM filesystem_snapshot_run WHERE store = ?`,
    )
    this.#put = connection.prepare<Row & { readonly store: string }>(
      `INSERT OR REPLACE INTO filesystem_snapshot_run
       VALUES (@store, @dueAt, @at, @outcome, @detail, @made, @removed, @madeAt)`,
    )
  }

  /** `store`: the id in its sentinel, else its name. */
  get(store: string): SnapshotRun | undefined {
    const row = translated("reading a run of filesystem snapshots", () => this.#get.get(store))
    if (row === undefined) return undefined
    return {
      ...row,
      detail: row.detail ?? undefined,
      made: JSON.parse(row.made) as string[],
      removed: JSON.parse(row.removed) as string[],
      madeAt: row.madeAt ?? undefined,
    }
  }

  put(store: string, run: SnapshotRun): void {
    const { detail = null, madeAt = null, made, removed, ...rest } = run
    const row = {
      ...rest,
      store,
      detail,
      madeAt,
      made: JSON.stringify(made),
      removed: JSON.stringify(removed),
    }
    translated("saving a run of filesystem snapshots", () => this.#put.run(row))
  }
}
