import type Database from "better-sqlite3"
import { translated } from "./errors.js"

export interface Acknowledgement {
  readonly kind: string
  readonly place: string
  /** Exactly what was accepted, as JSON. */
  readonly detail: string
  /** Unix milliseconds. */
  readonly at: number
  readonly by: string
}

/** What a person accepted by name. A record: nothing is ever taken out. */
export class Acknowledgements {
  readonly #add
  readonly #of

  constructor(connection: Database.Database) {
    this.#add = connection.prepare<Acknowledgement>(
      "INSERT INTO acknowledgement (kind, place, detail, at, by) VALUES (@kind, @place, @detail, @at, @by)",
    )
    this.#of = connection.prepare<[string], Acknowledgement>(
      "SELECT kind, place, detail, at, by FROM acknowledgement WHERE place = ? ORDER BY id",
    )
  }

  add(acknowledgement: Acknowledgement): void {
    translated("saving an acknowledgement", () => this.#add.run(acknowledgement))
  }

  /** Oldest first. */
  of(place: string): Acknowledgement[] {
    return translated("reading the acknowledgements", () => this.#of.all(place))
  }
}
