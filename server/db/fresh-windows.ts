import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import type { VolumeKey } from "./volume-key.js"

export interface FreshWindow {
  readonly id: number
  readonly volume: VolumeKey
  /** Unix milliseconds. */
  readonly openedAt: number
  readonly until: number
  readonly by: string
  /** Set only when it ended before its time. */
  readonly ended: { readonly at: number; readonly why: string } | undefined
}

interface Row extends VolumeKey {
  readonly id: number
  readonly openedAt: number
  readonly until: number
  readonly by: string
  readonly endedAt: number | null
  readonly endedWhy: string | null
}

/** Windows in which one volume may come up empty. */
export class FreshWindows {
  readonly #all
  readonly #add
  readonly #end

  constructor(connection: Database.Database) {
    this.#all = connection.prepare<[], Row>(
      `SELECT id, cluster, namespace, pvc, opened_at AS openedAt, until, by, ended_at AS endedAt,
              ended_why AS endedWhy
       FROM fresh_once ORDER BY id`,
    )
    this.#add = connection.prepare<[string, string, string, number, number, string]>(
      "INSERT INTO fresh_once (cluster, namespace, pvc, opened_at, until, by) VALUES (?, ?, ?, ?, ?, ?)",
    )
    this.#end = connection.prepare<[number, string, number]>(
      "UPDATE fresh_once SET ended_at = ?, ended_why = ? WHERE id = ? AND ended_at IS NULL",
    )
  }

  all(): FreshWindow[] {
    return translated("reading the fresh windows", () => this.#all.all()).map(toDomain)
  }

  add(volume: VolumeKey, openedAt: number, until: number, by: string): FreshWindow {
    const { cluster, namespace, pvc } = volume
    const { lastInsertRowid } = translated("opening a fresh window", () =>
      this.#add.run(cluster, namespace, pvc, openedAt, until, by),
    )
    return { id: Number(lastInsertRowid), volume, openedAt, until, by, ended: undefined }
  }

  end(id: number, at: number, why: string): void {
    translated("ending a fresh window", () => this.#end.run(at, why, id))
  }
}

function toDomain(row: Row): FreshWindow {
  return {
    id: row.id,
    volume: { cluster: row.cluster, namespace: row.namespace, pvc: row.pvc },
    openedAt: row.openedAt,
    until: row.until,
    by: row.by,
    ended: row.endedAt === null || row.endedWhy === null ? undefined : { at: row.endedAt, why: row.endedWhy },
  }
}
