import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import type { VolumeKey } from "./volume-key.js"

export interface SimilarDismissal {
  readonly place: string
  readonly identity: string
  readonly volume: VolumeKey
  readonly by: string
  /** Unix milliseconds. */
  readonly at: number
}

interface Row extends VolumeKey {
  readonly place: string
  readonly identity: string
  readonly by: string
  readonly at: number
}

/** Identities that look like a volume's and, as a person said, are not. */
export class SimilarDismissals {
  readonly #all
  readonly #add
  readonly #remove

  constructor(connection: Database.Database) {
    this.#all = connection.prepare<[], Row>(
      "SELECT place, identity, cluster, namespace, pvc, by, at FROM similar_dismissed ORDER BY place, identity",
    )
    this.#add = connection.prepare<[string, string, string, string, string, string, number]>(
      "INSERT INTO similar_dismissed VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    this.#remove = connection.prepare<[string, string, string, string, string]>(
      `DELETE FROM similar_dismissed
       WHERE place = ? AND identity = ? AND cluster = ? AND namespace = ? AND pvc = ?`,
    )
  }

  all(): SimilarDismissal[] {
    return translated("reading the dismissals", () => this.#all.all()).map((row) => ({
      place: row.place,
      identity: row.identity,
      volume: { cluster: row.cluster, namespace: row.namespace, pvc: row.pvc },
      by: row.by,
      at: row.at,
    }))
  }

  add({ place, identity, volume, by, at }: SimilarDismissal): void {
    translated("saving a dismissal", () =>
      this.#add.run(place, identity, volume.cluster, volume.namespace, volume.pvc, by, at),
    )
  }

  remove(place: string, identity: string, volume: VolumeKey): void {
    translated("removing a dismissal", () =>
      this.#remove.run(place, identity, volume.cluster, volume.namespace, volume.pvc),
    )
  }
}
