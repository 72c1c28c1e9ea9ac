import { timingSafeEqual } from "node:crypto"
import { Secret } from "../../storage/secret.js"
import { SealedSecrets, type StateDatabase } from "../db/index.js"
import { SecretError } from "./errors.js"
import { readSecretFile, readSecretVariable, type ReadSecret } from "./read-secret.js"
import type { Sealer } from "./sealer.js"

/** Where a secret is, as documents say it. */
export type SecretPlace =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly value: string }
  | { readonly sealed: string }

/** Secret values that were given as such, sealed at rest; and the secrets that documents only refer to. */
export class SecretStore {
  readonly #table
  readonly #sealer
  readonly #env

  constructor(database: StateDatabase, sealer: Sealer, env: Readonly<Record<string, string | undefined>>) {
    this.#table = new SealedSecrets(database.connection)
    this.#sealer = sealer
    this.#env = env
  }

  /** The secret as of now: a file is read each time, so that a changed one counts. Throws SecretError. */
  resolve(place: SecretPlace): ReadSecret {
    if ("file" in place) return readSecretFile(place.file)
    if ("env" in place) return { secret: readSecretVariable(place.env, this.#env), warning: undefined }
    if ("value" in place) return { secret: new Secret(place.value), warning: undefined }
    return { secret: this.#unsealed(place.sealed), warning: undefined }
  }

  /** Seals a value under a name, in place of what was there. On the disk when it returns; throws DatabaseError. */
  put(name: string, secret: Secret, at: number): void {
    this.#table.put(name, this.#sealer.seal(valueName(name), Buffer.from(secret.reveal())), at)
  }

  remove(name: string): void {
    this.#table.remove(name)
  }

  names(): string[] {
    return this.#table.names()
  }

  has(name: string): boolean {
    return this.#table.get(name) !== undefined
  }

  /** Whether this very value is sealed under the name. */
  holds(name: string, value: string): boolean {
    if (!this.has(name)) return false
    const sealed = Buffer.from(this.#unsealed(name).reveal())
    const asked = Buffer.from(value)
    return sealed.length === asked.length && timingSafeEqual(sealed, asked)
  }

  #unsealed(name: string): Secret {
    const sealed = this.#table.get(name)
    if (sealed === undefined) {
      throw new SecretError(
        "missing",
        `no secret is sealed under ${name}`,
        "Apply the document with the secret's file, variable or value.",
      )
    }
    return new Secret(Buffer.from(this.#sealer.unseal(valueName(name), sealed)).toString())
  }
}

/** Kept apart from other things that are sealed with the same key. */
function valueName(name: string): string {
  return `secret/${name}`
}
