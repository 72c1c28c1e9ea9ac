import type { Blocked } from "./leases.js"

export interface Waiting {
  /** Sorts by time. */
  readonly id: string
  /** Smaller ones come first. */
  readonly rank: number
  /** Those of one lane keep the same disks busy. */
  readonly lane: string
}

/** Who waits for a turn, by rank and age. One that cannot begin holds up nobody behind it. */
export class WaitingLine<Entry extends Waiting> {
  readonly #lanes = new Map<string, Entry[]>()
  readonly #all = new Map<string, Entry>()

  get size(): number {
    return this.#all.size
  }

  get(id: string): Entry | undefined {
    return this.#all.get(id)
  }

  all(): IterableIterator<Entry> {
    return this.#all.values()
  }

  add(entry: Entry): void {
    this.#all.set(entry.id, entry)
    const lane = this.#lanes.get(entry.lane) ?? []
    this.#lanes.set(entry.lane, lane)
    lane.splice(placeOf(lane, entry), 0, entry)
  }

  remove(id: string): Entry | undefined {
    const entry = this.#all.get(id)
    if (entry === undefined) return undefined
    this.#all.delete(id)
    const lane = this.#lanes.get(entry.lane) ?? []
    const at = lane.indexOf(entry)
    if (at >= 0) lane.splice(at, 1)
    if (lane.length === 0) this.#lanes.delete(entry.lane)
    return entry
  }

  /** Takes out the first that may begin. `blocked` is asked no more than it must be. */
  take(blocked: (entry: Entry) => Blocked | undefined): Entry | undefined {
    let best: Entry | undefined
    for (const lane of this.#lanes.values()) {
      for (const entry of lane) {
        if (best !== undefined && !before(entry, best)) break
        const why = blocked(entry)
        if (why === undefined) best = entry
        if (why === undefined || why.of !== "itself") break
      }
    }
    return best && this.remove(best.id)
  }
}

function before(one: Waiting, other: Waiting): boolean {
  return one.rank === other.rank ? one.id < other.id : one.rank < other.rank
}

function placeOf(lane: readonly Waiting[], entry: Waiting): number {
  let [low, high] = [0, lane.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const there = lane[middle]
    if (there !== undefined && before(there, entry)) low = middle + 1
    else high = middle
  }
  return low
}
