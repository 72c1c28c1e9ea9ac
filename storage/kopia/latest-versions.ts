import type { ManifestShelf } from "./manifest-shelf.js"

const FREE = -1
const LEAST_SLOTS = 256

/** Of each manifest id the latest version that was put in: a hash table of numbers, because a map of texts is ten times it. */
export class LatestVersions {
  readonly #shelf: ManifestShelf
  #slots = new Int32Array(LEAST_SLOTS).fill(FREE)
  /** Of the id in each slot: nearly all comparisons end here. */
  #hashes = new Uint32Array(LEAST_SLOTS)
  #count = 0

  constructor(shelf: ManifestShelf) {
    this.#shelf = shelf
  }

  /** Undefined for a new id; the version that this one replaces; or this one itself, when it is no later than the known. */
  put(manifest: number): number | undefined {
    if (this.#count * 2 >= this.#slots.length) this.#grow()
    const hash = this.#shelf.hashOf(manifest)
    const slot = this.#slotOf(manifest, hash)
    const known = this.#slots[slot] ?? FREE
    if (known === FREE) {
      this.#count++
      this.#slots[slot] = manifest
      this.#hashes[slot] = hash
      return undefined
    }
    if (!this.#shelf.isLater(manifest, known)) return manifest
    this.#slots[slot] = manifest
    return known
  }

  /** Where its id is, or has to go. */
  #slotOf(manifest: number, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const known = this.#slots[slot] ?? FREE
      if (known === FREE) return slot
      if (this.#hashes[slot] === hash && this.#shelf.haveOneId(manifest, known)) return slot
    }
  }

  #grow(): void {
    const [slots, hashes] = [this.#slots, this.#hashes]
    this.#slots = new Int32Array(slots.length * 4).fill(FREE)
    this.#hashes = new Uint32Array(slots.length * 4)
    const mask = this.#slots.length - 1
    slots.forEach((manifest, at) => {
      if (manifest === FREE) return
      const hash = hashes[at] ?? 0
      let slot = hash & mask
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask
      this.#slots[slot] = manifest
      this.#hashes[slot] = hash
    })
  }
}
