/** What the names of the epoch manager's blobs say (kopia-repository-format §3, §10.2). */
export interface EpochNames {
  /** The epoch that is written to; 0 while there is no marker. */
  readonly writeEpoch: number
  /** Unix seconds up to which deletions are final; undefined when none was. */
  readonly watermark: number | undefined
  /** `xn`: index blobs as writers left them, by epoch. */
  readonly uncompacted: ReadonlyMap<number, readonly string[]>
  /** `xs`: the one complete set of each epoch that has one. */
  readonly single: ReadonlyMap<number, readonly string[]>
  /** `xr`: the one complete set of each pair of epochs that has one. */
  readonly ranges: readonly EpochRange[]
  /** The highest epoch that any index blob names; 0 for none. */
  readonly highestNamed: number
}

export interface EpochRange {
  readonly first: number
  readonly last: number
  readonly blobs: readonly string[]
}

/** Sorts blob ids by what they are; ids of anything else are passed over. */
export function readEpochNames(ids: Iterable<string>): EpochNames {
  let writeEpoch = 0
  let watermark: number | undefined
  let highestNamed = 0
  const uncompacted = new Map<number, string[]>()
  const single = new Map<number, string[]>()
  const ranges = new Map<string, string[]>()

  for (const id of ids) {
    const match = /^x(?:([ew])(\d+)$|([ns])(\d+)_|r((\d+)_(\d+))_)/.exec(id)
    if (match === null) continue
    const [, mark, markNumber, kind, epoch, range, , last] = match
    if (mark === "e") writeEpoch = Math.max(writeEpoch, Number(markNumber))
    else if (mark === "w") watermark = Math.max(watermark ?? 0, Number(markNumber))
    else if (kind !== undefined) {
      highestNamed = Math.max(highestNamed, Number(epoch))
      gather(kind === "n" ? uncompacted : single, Number(epoch), id)
    } else if (range !== undefined) {
      highestNamed = Math.max(highestNamed, Number(last))
      gather(ranges, range, id)
    }
  }
  return {
    writeEpoch,
    watermark,
    highestNamed,
    uncompacted,
    single: new Map(
      [...single].flatMap(([epoch, ids]) => {
        const complete = completeSet(ids)
        return complete === undefined ? [] : [[epoch, complete] as const]
      }),
    ),
    ranges: [...ranges].flatMap(([range, ids]) => {
      const [first, last] = range.split("_").map(Number)
      const blobs = completeSet(ids)
      return blobs === undefined || first === undefined || last === undefined ? [] : [{ first, last, blobs }]
    }),
  }
}

/**
 * One compaction writes several blobs with one token and their number, `…-s<token>-c<number>`; the set counts when all are
 * there. Names without token and number are sets of one.
 */
function completeSet(ids: readonly string[]): readonly string[] | undefined {
  const sets = new Map<string, string[]>()
  for (const id of [...ids].sort()) {
    const match = /^[^-]*-(s[^-]*)-c(\d+)$/.exec(id)
    if (match === null) return [id]
    const [, token = "", count] = match
    const set = gather(sets, token, id)
    if (set.length === Number(count)) return set
  }
  return undefined
}

function gather<K>(groups: Map<K, string[]>, key: K, id: string): string[] {
  const group = groups.get(key)
  if (group !== undefined) {
    group.push(id)
    return group
  }
  const created = [id]
  groups.set(key, created)
  return created
}
