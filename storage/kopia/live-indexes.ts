import { StorageError } from "../errors.js"
import type { EpochNames, EpochRange } from "./epoch-names.js"

/** Which index blobs of a repository with epochs count, and which epochs are settled by a compaction. */
export interface LiveIndexes {
  readonly blobs: readonly string[]
  /** The epochs below this one are read from ranges. */
  readonly rangesEnd: number
  /** Epochs that are read from a compaction of their own. */
  readonly compacted: ReadonlySet<number>
}

/**
 * Selects index blobs as the engine does (kopia-repository-format §10.2), and throws `index_lost` where the names themselves
 * show that one is missing (§16): the engine would list fewer snapshots and say nothing. So does this with `gaps` "as the engine".
 */
export function selectLiveIndexes(
  names: EpochNames,
  gaps: "refuse" | "as the engine" = "refuse",
): LiveIndexes {
  const refuses = gaps === "refuse"
  const blobs: string[] = []
  let next = 0
  for (const range of longestChain(names.ranges)) {
    if (range.last <= next) continue
    blobs.push(...range.blobs)
    next = range.last + 1
  }
  const rangesEnd = next
  const compacted = new Set<number>()

  // A marker is the last thing an advance writes, and only the newest ones are kept: an index of a far later epoch means
  // that they are gone, and with them everything written since.
  if (refuses && names.highestNamed > names.writeEpoch + 1) {
    throw lost(
      `index blobs of epoch ${names.highestNamed} are here, the last marker is xe${names.writeEpoch}`,
      {
        epoch: names.highestNamed,
      },
    )
  }
  for (let epoch = next; epoch <= names.writeEpoch + 1; epoch++) {
    const single = epoch <= names.writeEpoch - 2 ? names.single.get(epoch) : undefined
    const uncompacted = names.uncompacted.get(epoch)
    if (single !== undefined) {
      compacted.add(epoch)
      blobs.push(...single)
    } else if (uncompacted !== undefined) blobs.push(...uncompacted)
    // An epoch is left only when it holds an index.
    else if (refuses && epoch < names.writeEpoch)
      throw lost(`epoch ${epoch} has no index blob left`, { epoch })
  }
  return { blobs, rangesEnd, compacted }
}

/** From epoch 0 on without a gap, as far as possible, with as few ranges as possible. */
function longestChain(ranges: readonly EpochRange[]): readonly EpochRange[] {
  // Later starts first, so that the best continuation of every range is known when it is needed.
  const best = new Map<number, readonly EpochRange[]>()
  for (const range of [...ranges].sort((a, b) => b.first - a.first)) {
    if (range.last < range.first) continue
    const chain = [range, ...(best.get(range.last + 1) ?? [])]
    const other = best.get(range.first)
    if (other === undefined || isBetter(chain, other)) best.set(range.first, chain)
  }
  return best.get(0) ?? []
}

function isBetter(a: readonly EpochRange[], b: readonly EpochRange[]): boolean {
  const endA = a.at(-1)?.last ?? -1
  const endB = b.at(-1)?.last ?? -1
  return endA === endB ? a.length < b.length : endA > endB
}

function lost(what: string, facts: { epoch: number }): StorageError {
  return new StorageError("index_lost", `an index was lost: ${what}`, {
    facts,
    hint: "Restore the missing x… files from a copy of the repository; until then Kopia lists too few snapshots.",
  })
}
