import type { ManifestShelf } from "./manifest-shelf.js"

const FREE = -1
const LEAST_SLOTS = 256

/** Of each manifest id the latest version that was put in: a hash table of numbers, because a map of texts is ten times it. */
export class LatestVersions {
  readonly #shelf: ManifestShelf
  #slots = new Int32Array(LEAST_SLOTS).fill(FREE)
  #count = 0

  constructor(shelf: ManifestShelf) {
    this.#shelf = shelf
  }

  /** Undefined for a new id; the version that this one replaces; or this one itself, when it is no later than the known. */
  put(manifest: number): number | undefined {
    if (this.#count * 2 >= this.#slots.length) this.#grow()
    const slot = this.#slotOf(manifest)
    const known = this.#slots[slot] ?? FREE
    if (known === FREE) {
      this.#count++
      this.#slots[slot] = manifest
      return undefined
    }
    if (!this.#shelf.isLater(manifest, known)) return manifest
    this.#slots[slot] = manifest
    return known
  }

  /** Where its id is, or has to go. */
  #slotOf(manifest: number): number {
    const mask = this.#slots.length - 1
    for (let slot = this.#shelf.hashOf(manifest) & mask; ; slot = (slot + 1) & mask) {
      const known = this.#slots[slot] ?? FREE
      if (known === FREE || this.#shelf.haveOneId(manifest, known)) return slot
    }
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Int32Array(before.length * 2).fill(FREE)
    for (const manifest of before) if (manifest !== FREE) this.#slots[this.#slotOf(manifest)] = manifest
  }
}
