import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import { placesOf } from "./places-of.js"

export interface Pin {
  readonly engine: "kopia" | "restic" | "copy"
  /** "" while the password is not known. */
  readonly repositoryId: string
  readonly fingerprint: string
}

export interface StoredPin extends Pin {
  readonly place: string
  readonly pinnedAt: number
}

export interface PinChange {
  readonly place: string
  readonly was: Pin
  /** Undefined: the repository was given up. */
  readonly becomes: Pin | undefined
  readonly at: number
  readonly by: string
}

interface ChangeRow {
  readonly place: string
  readonly was: string
  readonly becomes: string | null
  readonly at: number
  readonly by: string
}

/** The pins and the history of their acknowledged changes. */
export class Pins {
  readonly #connection
  readonly #all
  readonly #inStore
  readonly #write
  readonly #remove
  readonly #addChange
  readonly #changes

  constructor(connection: Database.Database) {
    this.#connection = connection
    this.#all = connection.prepare<[], StoredPin>(
      `SELECT place, engine, repository_id AS repositoryId, fingerprint, pinned_at AS pinnedAt
       FROM pin ORDER BY place`,
    )
    this.#inStore = connection.prepare<[string, string], StoredPin>(
      `SELECT place, engine, repository_id AS repositoryId, fingerprint, pinned_at AS pinnedAt
       FROM pin WHERE place >= ? AND place < ? ORDER BY place`,
    )
    this.#write = connection.prepare<[string, string, string, string, number]>(
      `INSERT INTO pin VALUES (?, ?, ?, ?, ?) ON CONFLICT (place) DO UPDATE SET engine = excluded.engine,
         repository_id = excluded.repository_id, fingerprint = excluded.fingerprint, pinned_at = excluded.pinned_at`,
    )
    this.#remove = connection.prepare<[string]>("DELETE FROM pin WHERE place = ?")
    this.#addChange = connection.prepare<[string, string, string | null, number, string]>(
      "INSERT INTO pin_change (place, was, becomes, at, by) VALUES (?, ?, ?, ?, ?)",
    )
    this.#changes = connection.prepare<[string], ChangeRow>(
      "SELECT place, was, becomes, at, by FROM pin_change WHERE place = ? ORDER BY id",
    )
  }

  all(): StoredPin[] {
    return translated("reading the pins", () => this.#all.all())
  }

  /** Those of a store's places. */
  inStore(store: string): StoredPin[] {
    return translated("reading the pins", () => this.#inStore.all(...placesOf(store)))
  }

  put(pin: StoredPin): void {
    translated("saving a pin", () =>
      this.#write.run(pin.place, pin.engine, pin.repositoryId, pin.fingerprint, pin.pinnedAt),
    )
  }

  /** Changes or removes the pin and writes down who said so, both or neither. */
  change(change: PinChange): void {
    translated("saving a change of a pin", () => {
      this.#connection.transaction(() => {
        if (change.becomes === undefined) this.#remove.run(change.place)
        else this.put({ place: change.place, ...change.becomes, pinnedAt: change.at })
        const becomes = change.becomes === undefined ? null : JSON.stringify(change.becomes)
        this.#addChange.run(change.place, JSON.stringify(change.was), becomes, change.at, change.by)
      })()
    })
  }

  changes(place: string): PinChange[] {
    return translated("reading the changes of a pin", () => this.#changes.all(place)).map((row) => ({
      ...row,
      was: JSON.parse(row.was) as Pin,
      becomes: row.becomes === null ? undefined : (JSON.parse(row.becomes) as Pin),
    }))
  }
}
