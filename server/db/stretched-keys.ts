import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** Keys stretched from passwords, sealed, by a name that only the key file's holder can compute. */
export class StretchedKeys {
  readonly #get
  readonly #put
  readonly #clear

  constructor(connection: Database.Database) {
    this.#get = connection
      .prepare<[string], Buffer>("SELECT sealed FROM stretched_key WHERE name = ?")
      .pluck()
    this.#put = connection.prepare<[string, Uint8Array, number]>(
      `INSERT INTO stretched_key VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, derived_at = excluded.derived_at`,
    )
    this.#clear = connection.prepare<[]>("DELETE FROM stretched_key")
  }

  get(name: string): Uint8Array | undefined {
    return translated("reading a stretched key", () => this.#get.get(name))
  }

  put(name: string, sealed: Uint8Array, at: number): void {
    translated("saving a stretched key", () => this.#put.run(name, sealed, at))
  }

  clear(): void {
    translated("forgetting the stretched keys", () => this.#clear.run())
  }
}
