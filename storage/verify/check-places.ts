import type { PackFile, StoredContents } from "../stored-contents.js"
import type { ContentStates } from "./content-states.js"

const NOT_THERE = -1

/** Which packs are there, and what else was seen beside them. */
export interface SeenPacks {
  /** By pack: bytes; -1 for one that is not there. */
  readonly lengths: Float64Array
  /** That no index names. */
  readonly unindexed: readonly PackFile[]
  readonly count: number
}

/** More are not kept: a repository whose whole index is gone has nothing else. */
const MOST_UNINDEXED = 10_000

/** Packs looked at before others get a turn. */
const TURN = 1_000

export interface SeeingOptions {
  readonly signal: AbortSignal | undefined
  readonly pause: (() => Promise<void>) | undefined
  /** Packs seen until now. */
  readonly progress: (count: number) => void
}

export async function seePacks(
  stored: StoredContents,
  { signal, pause, progress }: SeeingOptions,
): Promise<SeenPacks> {
  const lengths = new Float64Array(stored.packCount).fill(NOT_THERE)
  const unindexed: PackFile[] = []
  let count = 0
  for await (const file of stored.packFiles(signal)) {
    if (++count % TURN === 0) {
      progress(count)
      await pause?.()
    }
    if (file.pack !== undefined) lengths[file.pack] = file.length
    else if (unindexed.length < MOST_UNINDEXED) unindexed.push(file)
  }
  return { lengths, unindexed, count }
}

/** Marks as lost what is needed and has no place in a pack that is there and long enough. */
export function checkPlaces(stored: StoredContents, states: ContentStates, { lengths }: SeenPacks): void {
  for (let row = 0; row < stored.contentCount; row++) {
    if (!states.isNeeded(row)) continue
    let isThere = false
    let isCut = false
    for (const place of stored.placesAt(row)) {
      const { pack, offset, length } = stored.placeAt(place)
      const packLength = lengths[pack] ?? NOT_THERE
      if (packLength >= offset + length) isThere = true
      else if (packLength !== NOT_THERE) isCut = true
    }
    if (!isThere) states.markLost(row, isCut ? "truncated" : "missing")
  }
}

/** Whether a place lies in a pack that is there and long enough. */
export function isWithin(stored: StoredContents, place: number, { lengths }: SeenPacks): boolean {
  const { pack, offset, length } = stored.placeAt(place)
  return (lengths[pack] ?? NOT_THERE) >= offset + length
}
