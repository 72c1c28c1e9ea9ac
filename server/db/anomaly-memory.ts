import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** What is remembered of the sources of each place between looks for anomalies, as JSON. */
export class AnomalyMemoryTable {
  readonly #connection
  readonly #get
  readonly #put
  readonly #sources
  readonly #places
  readonly #remove
  readonly #removePlace

  constructor(connection: Database.Database) {
    this.#connection = connection
    this.#get = connection
      .prepare<[string, string], string>("SELECT memory FROM anomaly_memory WHERE place = ? AND source = ?")
      .pluck()
    this.#put = connection.prepare<[string, string, string]>(
      "INSERT OR REPLACE INTO anomaly_memory VALUES (?, ?, ?)",
    )
    this.#sources = connection
      .prepare<[string], string>("SELECT source FROM anomaly_memory WHERE place = ?")
      .pluck()
    this.#places = connection.prepare<[], string>("SELECT DISTINCT place FROM anomaly_memory").pluck()
    this.#remove = connection.prepare<[string, string]>(
      "DELETE FROM anomaly_memory WHERE place = ? AND source = ?",
    )
    this.#removePlace = connection.prepare<[string]>("DELETE FROM anomaly_memory WHERE place = ?")
  }

  /** Undefined: nothing of it was compared yet. */
  get(place: string, source: string): string | undefined {
    return translated("reading what was compared", () => this.#get.get(place, source))
  }

  put(place: string, source: string, memory: string): void {
    translated("saving what was compared", () => this.#put.run(place, source, memory))
  }

  /** Forgets the sources of a place that are none of these: a complete listing does not show them any more. */
  keepOnly(place: string, sources: ReadonlySet<string>): void {
    translated("forgetting what was compared", () => {
      const gone = this.#sources.all(place).filter((source) => !sources.has(source))
      if (gone.length === 0) return
      this.#connection.transaction(() => {
        for (const source of gone) this.#remove.run(place, source)
      })()
    })
  }

  places(): string[] {
    return translated("reading what was compared", () => this.#places.all())
  }

  removePlace(place: string): void {
    translated("forgetting what was compared", () => this.#removePlace.run(place))
  }
}
