import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import type { VolumeKey } from "./volume-key.js"

export type DecisionWord = "restore" | "fresh" | "unknown"

export interface Asked extends VolumeKey {
  /** Unix milliseconds. */
  readonly firstAsked: number
  readonly lastAsked: number
  readonly count: number
  readonly lastDecision: DecisionWord
}

/** Volumes that clusters asked for. */
export class AskedTable {
  readonly #connection
  readonly #all
  readonly #put
  readonly #forget

  constructor(connection: Database.Database) {
    this.#connection = connection
    this.#all = connection.prepare<[], Asked>(
      `SELECT cluster, namespace, pvc, first_asked AS firstAsked, last_asked AS lastAsked, count,
              last_decision AS lastDecision
       FROM asked ORDER BY cluster, namespace, pvc`,
    )
    this.#put = connection.prepare<Asked>(
      `INSERT INTO asked VALUES (@cluster, @namespace, @pvc, @firstAsked, @lastAsked, @count, @lastDecision)
       ON CONFLICT (cluster, namespace, pvc) DO UPDATE SET first_asked = excluded.first_asked,
         last_asked = excluded.last_asked, count = excluded.count, last_decision = excluded.last_decision`,
    )
    this.#forget = connection.prepare<[string, string, string]>(
      "DELETE FROM asked WHERE cluster = ? AND namespace = ? AND pvc = ?",
    )
  }

  all(): Asked[] {
    return translated("reading the asked volumes", () => this.#all.all())
  }

  /** All in one transaction. */
  put(rows: Iterable<Asked>): void {
    translated("saving the asked volumes", () => {
      this.#connection.transaction(() => {
        for (const row of rows) this.#put.run(row)
      })()
    })
  }

  /** All in one transaction. */
  forget(volumes: Iterable<VolumeKey>): void {
    translated("forgetting asked volumes", () => {
      this.#connection.transaction(() => {
        for (const { cluster, namespace, pvc } of volumes) this.#forget.run(cluster, namespace, pvc)
      })()
    })
  }
}
