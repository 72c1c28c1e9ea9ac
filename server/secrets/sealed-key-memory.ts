import type { KeyMemory } from "../../storage/repository.js"
import type { Secret } from "../../storage/secret.js"
import { DatabaseError, type StateDatabase, StretchedKeys } from "../db/index.js"
import { SecretError } from "./errors.js"
import type { Sealer } from "./sealer.js"

/**
 * Stretched keys, sealed, over restarts. A key is found only with the very password that it was derived from. Losing keys
 * costs time only: what cannot be opened or saved is as if it had never been kept.
 */
export class SealedKeyMemory implements KeyMemory {
  readonly #table
  readonly #sealer

  constructor(database: StateDatabase, sealer: Sealer) {
    this.#table = new StretchedKeys(database.connection)
    this.#sealer = sealer
  }

  async recall(label: string, password: Secret): Promise<Uint8Array | undefined> {
    const name = this.#sealer.nameOf(label, password.reveal())
    const sealed = this.#table.get(name)
    if (sealed === undefined) return undefined
    try {
      return this.#sealer.unseal(name, sealed)
    } catch (error) {
      if (error instanceof SecretError) return undefined
      throw error
    }
  }

  async remember(label: string, password: Secret, key: Uint8Array): Promise<void> {
    const name = this.#sealer.nameOf(label, password.reveal())
    try {
      this.#table.put(name, this.#sealer.seal(name, key), Date.now())
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
    }
  }
}
