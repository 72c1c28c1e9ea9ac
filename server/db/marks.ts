import type Database from "better-sqlite3"
import { translated } from "./errors.js"
import { placesOf } from "./places-of.js"

/** The live metadata files that the last good listing of a place rested on. */
export class Marks {
  readonly #read
  readonly #places
  readonly #write
  readonly #remove

  constructor(connection: Database.Database) {
    this.#read = connection.prepare<[string], string>("SELECT names FROM marks WHERE place = ?").pluck()
    this.#places = connection
      .prepare<[string, string], string>(
        "SELECT place FROM marks WHERE place >= ? AND place < ? ORDER BY place",
      )
      .pluck()
    this.#write = connection.prepare<[string, string, number]>(
      "INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT (place) DO UPDATE SET names = excluded.names, at = excluded.at",
    )
    this.#remove = connection.prepare<[string]>("DELETE FROM marks WHERE place = ?")
  }

  get(place: string): readonly string[] | undefined {
    const names = translated("reading marks", () => this.#read.get(place))
    return names === undefined ? undefined : (JSON.parse(names) as string[])
  }

  /** The places of a store that have marks. */
  placesIn(store: string): string[] {
    return translated("reading marks", () => this.#places.all(...placesOf(store)))
  }

  put(place: string, names: readonly string[], at: number): void {
    translated("saving marks", () => this.#write.run(place, JSON.stringify(names), at))
  }

  /** After a person acknowledged that files vanished. */
  remove(place: string): void {
    translated("removing marks", () => this.#remove.run(place))
  }
}
