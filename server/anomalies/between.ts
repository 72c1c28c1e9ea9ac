import { diffTrees } from "../../storage/browse/index.js"
import { type Snapshot, type SnapshotContents, StorageError } from "../../storage/index.js"
import { type Anomaly, snapshotKey } from "./anomaly.js"
import { type Turnover, turnoverAnomalies, turnoverOf, zeroAnomalies } from "./judge-changes.js"
import type { AnomalyLimits } from "./limits.js"
import { Tally } from "./tally.js"

export interface BetweenInput {
  /** What the source is called: a volume, or the engine's identity. */
  readonly source: string
  readonly contents: SnapshotContents
  /** The complete snapshot before; undefined: `after` is the first one, and only what is zeros from the start is told. */
  readonly before: Snapshot | undefined
  readonly after: Snapshot
  /**
   * Complete snapshots before `before`, oldest first. Of some sources every backup changes all: when much changed, up to three
   * earlier steps are compared too, and what is usual is not told.
   */
  readonly earlier?: readonly Snapshot[]
  readonly limits: AnomalyLimits
  readonly signal?: AbortSignal
  /** How many entries may be looked at in one step; beyond it, it is told that nobody knows. */
  readonly mostEntries?: number
  /** How many changes have been seen until now. */
  readonly onProgress?: (changes: number) => void
}

const MOST_ENTRIES = 5_000_000
const EARLIER_STEPS = 3
const PROGRESS_STEP = 1000

/**
 * What is odd about the step from one complete snapshot to the next of the same source, by their trees: only directories that differ
 * are read, and no file. Told of the snapshot `after`; it does not change any more. What could not be compared is an anomaly of its
 * own, `not_compared`. Throws the signal's reason, and StorageError for a snapshot without a root.
 */
export async function anomaliesBetween(input: BetweenInput): Promise<Anomaly[]> {
  const { source, before, after, earlier = [], limits } = input
  const tally = await tallied(input, before, after, limits.zeroBytes)
  const subject = { kind: "snapshot", key: snapshotKey(source, after) } as const
  const judged = { subject, before, after, tally, limits, filesBefore: await filesIn(input, before, tally) }
  const turnover = before === undefined ? NOTHING : turnoverOf(judged)
  const before3 = [...earlier, ...(before === undefined ? [] : [before])].slice(-EARLIER_STEPS - 1)
  const past = isAny(turnover) ? await turnovers(input, before3) : []
  const told = (Object.keys(turnover) as (keyof Turnover)[]).filter(
    (what) => turnover[what] && past.filter((one) => one[what]).length * 2 < Math.max(past.length, 1),
  )
  const unusual = {
    rewritten: told.includes("rewritten"),
    renamed: told.includes("renamed"),
    deleted: told.includes("deleted"),
  }
  return [...zeroAnomalies(judged), ...turnoverAnomalies(judged, unusual, past.length > 0)].filter(
    ({ code }) => !limits.off.includes(code),
  )
}

const NOTHING: Turnover = { rewritten: false, renamed: false, deleted: false }

function isAny({ rewritten, renamed, deleted }: Turnover): boolean {
  return rewritten || renamed || deleted
}

/** Of each step between these. */
async function turnovers(input: BetweenInput, snapshots: readonly Snapshot[]): Promise<Turnover[]> {
  const found: Turnover[] = []
  for (const [at, before] of snapshots.entries()) {
    const after = snapshots[at + 1]
    if (after === undefined) break
    const tally = await tallied(input, before, after, undefined)
    const filesBefore = await filesIn(input, before, tally)
    found.push(turnoverOf({ tally, filesBefore, limits: input.limits }))
  }
  return found
}

async function tallied(
  { contents, signal, mostEntries = MOST_ENTRIES, onProgress }: BetweenInput,
  before: Snapshot | undefined,
  after: Snapshot,
  zeroBytes: number | undefined,
): Promise<Tally> {
  const tally = new Tally(contents, zeroBytes)
  const walk = { mostEntries, ...(signal === undefined ? {} : { signal }) }
  const roots = [before && contents.root(before), contents.root(after)] as const
  try {
    for await (const change of diffTrees(contents, ...roots, walk)) {
      signal?.throwIfAborted()
      await tally.add(change)
      if (tally.entries % PROGRESS_STEP === 0) onProgress?.(tally.entries)
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    tally.giveUp(error)
  }
  return tally
}

/** Old writers do not record it: then it is counted, where there may be something to tell. Undefined: not known. */
async function filesIn(
  input: BetweenInput,
  snapshot: Snapshot | undefined,
  tally: Tally,
): Promise<number | undefined> {
  if (snapshot === undefined) return undefined
  if (snapshot.files !== undefined) return snapshot.files
  const { changedFiles } = input.limits
  if (tally.removed.count < changedFiles && tally.changed.count < changedFiles) return undefined
  const counted = await tallied(input, undefined, snapshot, undefined)
  return counted.problem === undefined ? counted.added : undefined
}
