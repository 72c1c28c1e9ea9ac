import type { DatabaseError, StateDatabase } from "../db/index.js"
import { AskedVolumes } from "./asked-volumes.js"
import { FreshOnce } from "./fresh-once.js"
import { type LedgerCopy, renderCopy } from "./copy-format.js"
import { type Adopted, adoptRecords, recordsOf } from "./ledger-copy.js"
import { PinBook } from "./pin-book.js"
import { Sightings } from "./sightings.js"
import { WriteHealth } from "./write-health.js"

/**
 * The durable memory outside the repositories: which repository each place holds, and every backup ever seen. It survives
 * the removal of a repository from the document, because it is keyed by place. A place is any text that names where a
 * repository is for good; all times are Unix milliseconds.
 */
export class Ledger {
  readonly pins: PinBook
  readonly sightings: Sightings
  readonly asked: AskedVolumes
  readonly freshOnce: FreshOnce
  readonly #database
  readonly #health = new WriteHealth()

  constructor(database: StateDatabase) {
    this.#database = database
    this.pins = new PinBook(database, this.#health)
    this.sightings = new Sightings(database, this.#health)
    this.asked = new AskedVolumes(database, this.#health)
    this.freshOnce = new FreshOnce(database, this.#health)
  }

  /** Why what was noticed last is in memory only: a full disk, say. Undefined while the state can be written. */
  get lastWriteError(): DatabaseError | undefined {
    return this.#health.lastWriteError
  }

  /** What was ever seen at a place, in words; undefined: nothing, so that a first backup may begin there. */
  everSaw(place: string): string | undefined {
    const pin = this.pins.get(place)
    const identities = this.sightings.identities(place).length
    if (pin === undefined && identities === 0) return undefined
    const repository =
      pin === undefined ? "a repository" : `the ${pin.engine} repository ${pin.repositoryId}`.trimEnd()
    return identities === 0 ? repository : `${repository} with backups of ${identities} identities`
  }

  /**
   * What is known of the places of one store, as it is kept in that store; undefined: nothing. `store` is the id in its
   * sentinel. Throws LedgerError `too_large`, DatabaseError.
   */
  copyOf(store: string, at: number): Promise<Uint8Array | undefined> {
    return renderCopy(store, recordsOf(this.#database, store), at)
  }

  /** Adds what such a copy knows; a part of it where that fails. Throws DatabaseError. */
  async adopt(copy: LedgerCopy): Promise<Adopted> {
    try {
      return await adoptRecords(this.#database, copy)
    } finally {
      this.pins.reload()
      this.sightings.reload()
    }
  }
}
