import { randomFillSync } from "node:crypto"

const EMPTY = 0
/** Slots for each id, so that a chain of taken slots stays short. */
const SPARE = 1.5

/**
 * Gives each of many ids of one length a row number, in the order in which they come: 0, 1, 2, … A million ids of 33 bytes take
 * about 45 MB; a Map of strings would take ten times that. The hash has a secret of its own, so that no repository can be written
 * whose ids all fall into one slot.
 */
export class IdTable {
  /** Bytes of an id. */
  readonly width: number
  readonly #words: number
  readonly #factors: Uint32Array
  #ids: Uint8Array
  #slots: Uint32Array
  #shift: number
  #size = 0

  /** `expected`: how many ids there will be, about; more only cost time. */
  constructor(width: number, expected = 16) {
    this.width = width
    this.#words = Math.ceil(width / 4)
    this.#factors = randomFillSync(new Uint32Array(this.#words)).map((factor) => factor | 1)
    const bits = Math.max(5, Math.ceil(Math.log2(Math.max(1, expected) * SPARE)))
    this.#slots = new Uint32Array(2 ** bits)
    this.#shift = 32 - bits
    this.#ids = new Uint8Array(Math.max(16, expected) * width)
  }

  get size(): number {
    return this.#size
  }

  /** Undefined for an id that was never added. Throws RangeError for an id of another length, as `add` does. */
  rowOf(id: Uint8Array): number | undefined {
    const found = this.#slots[this.#slotOf(id)] ?? EMPTY
    return found === EMPTY ? undefined : found - 1
  }

  /** The row of an id, which it has from now on. */
  add(id: Uint8Array): number {
    const slot = this.#slotOf(id)
    const found = this.#slots[slot] ?? EMPTY
    if (found !== EMPTY) return found - 1
    const row = this.#size
    if ((row + 1) * this.width > this.#ids.length) this.#ids = grown(this.#ids, this.#ids.length * 2)
    this.#ids.set(id, row * this.width)
    this.#slots[slot] = row + 1
    this.#size = row + 1
    if (this.#size * SPARE > this.#slots.length) this.#rehash()
    return row
  }

  /** A view that holds until the next `add`. */
  idAt(row: number): Uint8Array {
    return this.#ids.subarray(row * this.width, (row + 1) * this.width)
  }

  /** Where the id is, or the free slot where it belongs. */
  #slotOf(id: Uint8Array): number {
    if (id.length !== this.width) throw new RangeError(`an id of ${id.length} bytes, not ${this.width}`)
    const mask = this.#slots.length - 1
    let slot = this.#hash(id) >>> this.#shift
    for (;;) {
      const found = this.#slots[slot] ?? EMPTY
      if (found === EMPTY || this.#isAt(found - 1, id)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(row: number, id: Uint8Array): boolean {
    const start = row * this.width
    for (let at = 0; at < this.width; at++) if (this.#ids[start + at] !== id[at]) return false
    return true
  }

  #hash(id: Uint8Array): number {
    let hash = 0
    for (let word = 0, at = 0; word < this.#words; word++, at += 4) {
      // Behind the end is nothing, which counts as 0.
      const value =
        (id[at] ?? 0) | ((id[at + 1] ?? 0) << 8) | ((id[at + 2] ?? 0) << 16) | ((id[at + 3] ?? 0) << 24)
      hash = Math.imul(hash ^ value, this.#factors[word] ?? 1)
      hash ^= hash >>> 15
    }
    return Math.imul(hash, 0x9e37_79b1)
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    this.#shift--
    for (let row = 0; row < this.#size; row++) this.#slots[this.#slotOf(this.idAt(row))] = row + 1
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length)
  longer.set(bytes)
  return longer
}
