import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import type { VolumeKey } from "./volume-key.js"

/** What is known of the drills of one volume's backups in a place. Times are Unix milliseconds. */
export interface StoredDrill extends VolumeKey {
  readonly place: string
  /** Since when its backups wait to be drilled. */
  readonly knownSince: number
  /** When one was begun last, or found to be impossible. */
  readonly triedAt: number | null
  /** When one came to its end. */
  readonly drilledAt: number | null
  /** When one came to its end with everything restored. */
  readonly provenAt: number | null
  /** When the real engine's restore was compared last. */
  readonly engineAt: number | null
  /** JSON: what came of the last one. */
  readonly last: string | null
}

/** The last drill of each volume. */
export class DrillTable {
  readonly #all
  readonly #put
  readonly #remove
  readonly #places
  readonly #removePlace
  readonly #connection

  constructor(connection: Database.Database) {
    this.#connection = connection
    this.#all = connection.prepare<[string], StoredDrill>(
      `SELECT place, cluster, namespace, pvc, known_since AS knownSince, tried_at AS triedAt, drilled_at AS drilledAt,
         proven_at AS provenAt, engine_at AS engineAt, last FROM drill WHERE place = ?`,
    )
    this.#put = connection.prepare<StoredDrill>(
      `INSERT OR REPLACE INTO drill VALUES (@place, @cluster, @namespace, @pvc, @knownSince, @triedAt, @drilledAt, @provenAt,
         @engineAt, @last)`,
    )
    this.#remove = connection.prepare<VolumeKey & { place: string }>(
      "DELETE FROM drill WHERE place = @place AND cluster = @cluster AND namespace = @namespace AND pvc = @pvc",
    )
    this.#places = connection.prepare<[], string>("SELECT DISTINCT place FROM drill").pluck()
    this.#removePlace = connection.prepare<[string]>("DELETE FROM drill WHERE place = ?")
  }

  of(place: string): StoredDrill[] {
    return translated("reading drills", () => this.#all.all(place))
  }

  put(row: StoredDrill): void {
    translated("saving a drill", () => this.#put.run(row))
  }

  /** All of it or nothing. */
  putAll(rows: readonly StoredDrill[]): void {
    if (rows.length === 0) return
    translated("saving drills", () => {
      this.#connection.transaction(() => {
        for (const row of rows) this.#put.run(row)
      })()
    })
  }

  remove({ place, cluster, namespace, pvc }: VolumeKey & { readonly place: string }): void {
    translated("forgetting a drill", () => this.#remove.run({ place, cluster, namespace, pvc }))
  }

  places(): string[] {
    return translated("reading drills", () => this.#places.all())
  }

  removePlace(place: string): void {
    translated("forgetting drills", () => this.#removePlace.run(place))
  }
}
