import { type Pin, type PinChange, Pins, type StateDatabase, type StoredPin } from "../db/index.js"
import { comparePin } from "./compare-pin.js"
import { LedgerError } from "./errors.js"
import type { WriteHealth } from "./write-health.js"

export type PinCheck =
  | { readonly kind: "new" }
  | { readonly kind: "matches" }
  | { readonly kind: "changed"; readonly from: Pin; readonly to: Pin }

/** Which repository each place holds, once seen. A place is keyed by its text and outlives its declaration. */
export class PinBook {
  readonly #table
  readonly #health
  readonly #pins = new Map<string, StoredPin>()
  /** In memory only, until a write succeeds. */
  readonly #unsaved = new Set<string>()

  constructor(database: StateDatabase, health: WriteHealth) {
    this.#table = new Pins(database.connection)
    this.#health = health
    this.reload()
  }

  get(place: string): StoredPin | undefined {
    return this.#pins.get(place)
  }

  all(): StoredPin[] {
    return [...this.#pins.values()]
  }

  /** Compares what a listing saw with what is pinned; writes down what it learned of the pinned repository by the way. */
  check(place: string, seen: Pin, at: number): PinCheck {
    const pinned = this.#pins.get(place)
    if (pinned === undefined) return { kind: "new" }
    switch (comparePin(pinned, seen)) {
      case "other":
        return { kind: "changed", from: only(pinned), to: only(seen) }
      case "learned":
        this.#keep({ place, ...only(seen), pinnedAt: at })
        return { kind: "matches" }
      case "same":
        if (this.#unsaved.has(place)) this.#keep(pinned)
        return { kind: "matches" }
    }
  }

  /** Pins a place that has no pin. Throws LedgerError `stale` where there is one: only a person may change it. */
  pin(place: string, seen: Pin, at: number): void {
    if (this.#pins.has(place)) {
      throw new LedgerError(
        "stale",
        `${place} is pinned already`,
        "Acknowledge the change of its repository.",
      )
    }
    this.#keep({ place, ...only(seen), pinnedAt: at })
  }

  /**
   * A person accepts this exact change; `becomes` undefined gives the repository up. Throws LedgerError `stale` when the pin
   * is not `was`, and DatabaseError when it cannot be written; then nothing changed.
   */
  acknowledge(change: PinChange): void {
    const pinned = this.#pins.get(change.place)
    if (pinned === undefined || !equal(pinned, change.was)) {
      throw new LedgerError(
        "stale",
        `${change.place} is not pinned to what the acknowledgement names`,
        "Look at the change as it is now and acknowledge that one.",
      )
    }
    const becomes = change.becomes === undefined ? undefined : only(change.becomes)
    this.#table.change({ ...change, was: only(change.was), becomes })
    this.#unsaved.delete(change.place)
    if (becomes === undefined) this.#pins.delete(change.place)
    else this.#pins.set(change.place, { place: change.place, ...becomes, pinnedAt: change.at })
  }

  /** Acknowledged changes, oldest first. */
  changes(place: string): PinChange[] {
    return this.#table.changes(place)
  }

  /** After rows were added behind our back. */
  reload(): void {
    for (const pin of this.#table.all()) if (!this.#unsaved.has(pin.place)) this.#pins.set(pin.place, pin)
  }

  #keep(pin: StoredPin): void {
    this.#pins.set(pin.place, pin)
    this.#unsaved.add(pin.place)
    const saved = this.#health.attempt(() => {
      this.#table.put(pin)
    })
    if (saved) this.#unsaved.delete(pin.place)
  }
}

function only({ engine, repositoryId, fingerprint }: Pin): Pin {
  return { engine, repositoryId, fingerprint }
}

function equal(one: Pin, other: Pin): boolean {
  return (
    one.engine === other.engine &&
    one.repositoryId === other.repositoryId &&
    one.fingerprint === other.fingerprint
  )
}
