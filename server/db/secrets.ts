import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** Secret values and the key check, sealed. What the seals mean is known in server/secrets. */
export class SealedSecrets {
  readonly #names
  readonly #get
  readonly #put
  readonly #remove
  readonly #keyCheck
  readonly #putKeyCheck

  constructor(connection: Database.Database) {
    this.#names = connection.prepare<[], string>("SELECT name FROM secret ORDER BY name").pluck()
    this.#get = connection.prepare<[string], Buffer>("SELECT sealed FROM secret WHERE name = ?").pluck()
    this.#put = connection.prepare<[string, Uint8Array, number]>(
      `INSERT INTO secret VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at`,
    )
    this.#remove = connection.prepare<[string]>("DELETE FROM secret WHERE name = ?")
    this.#keyCheck = connection.prepare<[], Buffer>("SELECT sealed FROM key_check").pluck()
    this.#putKeyCheck = connection.prepare<[Uint8Array]>(
      "INSERT INTO key_check VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed",
    )
  }

  names(): string[] {
    return translated("reading the sealed secrets", () => this.#names.all())
  }

  get(name: string): Uint8Array | undefined {
    return translated("reading a sealed secret", () => this.#get.get(name))
  }

  put(name: string, sealed: Uint8Array, at: number): void {
    translated("saving a sealed secret", () => this.#put.run(name, sealed, at))
  }

  remove(name: string): void {
    translated("removing a sealed secret", () => this.#remove.run(name))
  }

  keyCheck(): Uint8Array | undefined {
    return translated("reading the key check", () => this.#keyCheck.get())
  }

  putKeyCheck(sealed: Uint8Array): void {
    translated("saving the key check", () => this.#putKeyCheck.run(sealed))
  }
}
