import type { StoredContents, StoredItem } from "../stored-contents.js"
import { isWithin, type SeenPacks } from "./check-places.js"
import type { ContentStates } from "./content-states.js"

/** Items that are given to a thread at once: a pack may have as many entries as its writer liked. */
const MOST_ITEMS = 4096

/** A part of the reading: contents of one pack, in the order in which they lie in it. */
export interface PackJob {
  readonly pack: number
  readonly file: string
  readonly length: number
  readonly rows: readonly number[]
  readonly items: readonly StoredItem[]
  /** Also what lies behind the contents. Once for each pack. */
  readonly end: boolean
}

/** What is to be read: places in columns, by pack and then by where they lie. */
export class PackPlan {
  readonly #stored: StoredContents
  readonly #seen: SeenPacks
  /** By pack: where its places begin in `#places`. One more at the end. */
  readonly #starts: Uint32Array
  readonly #places: Uint32Array
  readonly #rows: Uint32Array
  /** By pack: 1 where something is needed that was not proven by an earlier run, though it may have been read in passing. */
  readonly #ends: Uint8Array
  readonly bytes: number
  readonly items: number

  constructor(stored: StoredContents, states: ContentStates, seen: SeenPacks) {
    this.#stored = stored
    this.#seen = seen
    this.#starts = new Uint32Array(stored.packCount + 1)
    this.#ends = new Uint8Array(stored.packCount)
    let [bytes, items] = [0, 0]
    for (let row = 0; row < stored.contentCount; row++) {
      if (!states.isNeeded(row) || states.isRemembered(row)) continue
      for (const place of stored.placesAt(row))
        if (isWithin(stored, place, seen)) this.#ends[stored.placeAt(place).pack] = 1
    }
    const wanted = function* (): Generator<readonly [row: number, place: number]> {
      for (let row = 0; row < stored.contentCount; row++) {
        if (!states.isNeeded(row) || states.isRead(row)) continue
        for (const place of stored.placesAt(row)) if (isWithin(stored, place, seen)) yield [row, place]
      }
    }
    for (const [, place] of wanted()) {
      const { pack, length } = stored.placeAt(place)
      this.#starts[pack + 1] = (this.#starts[pack + 1] ?? 0) + 1
      bytes += length
      items++
    }
    for (let pack = 0; pack < stored.packCount; pack++)
      this.#starts[pack + 1] = (this.#starts[pack + 1] ?? 0) + (this.#starts[pack] ?? 0)
    this.#places = new Uint32Array(items)
    this.#rows = new Uint32Array(items)
    const next = this.#starts.slice()
    for (const [row, place] of wanted()) {
      const { pack } = stored.placeAt(place)
      const at = next[pack] ?? 0
      this.#places[at] = place
      this.#rows[at] = row
      next[pack] = at + 1
    }
    this.bytes = bytes
    this.items = items
  }

  *jobs(): Generator<PackJob> {
    for (let pack = 0; pack < this.#stored.packCount; pack++) {
      const [start = 0, end = 0] = this.#starts.subarray(pack, pack + 2)
      if (start < end || this.#ends[pack] === 1) yield* this.#jobsOf(pack, start, end)
    }
  }

  *#jobsOf(pack: number, start: number, end: number): Generator<PackJob> {
    const offset = (at: number): number => this.#stored.placeAt(this.#places[at] ?? 0).offset
    const order = Uint32Array.from({ length: end - start }, (_, at) => start + at)
    order.sort((one, other) => offset(one) - offset(other))
    const file = this.#stored.packFile(pack)
    const length = this.#seen.lengths[pack] ?? 0
    for (let from = 0; from === 0 || from < order.length; from += MOST_ITEMS) {
      const part = [...order.subarray(from, from + MOST_ITEMS)]
      const rows = part.map((at) => this.#rows[at] ?? 0)
      const items = part.map((at) => this.#stored.itemAt(this.#rows[at] ?? 0, this.#places[at] ?? 0))
      yield { pack, file, length, rows, items, end: from === 0 }
    }
  }
}
