import { StorageError } from "../errors.js"
import type { CompactionLog } from "./compaction-log.js"
import { outranks, type IndexEntry } from "./index-entry.js"
import type { IndexRecord } from "./index-record.js"
import type { LiveIndexes } from "./live-indexes.js"
import type { Mark } from "./marks.js"

// An index blob that counted in the last listing and does not count in this one was compacted, or it was lost. A lost one
// makes snapshots disappear, and the engine then lists fewer of them with exit code 0; so nothing is taken for compacted
// that the names, the logs or the merged entries do not prove.

/** Whether the epoch manager replaced a blob: by the compaction of its epoch, or by a range over it. */
export function replacedByEpochs(id: string, { rangesEnd, compacted }: LiveIndexes): boolean {
  const match = /^x(?:([ns])(\d+)|r\d+_(\d+))_/.exec(id)
  if (match === null) return false
  const [, kind, epoch, last] = match
  return Number(epoch ?? last) < rangesEnd || (kind === "n" && compacted.has(Number(epoch)))
}

/** The blobs that compactions took in, all of whose outputs are present, or were taken in in their turn. */
export function replacedByLogs(
  logs: readonly CompactionLog[],
  present: ReadonlySet<string>,
): ReadonlySet<string> {
  const replaced = new Set<string>()
  for (let before = -1; before < replaced.size;) {
    before = replaced.size
    for (const { inputs, outputs } of logs) {
      if (!outputs.every((id) => present.has(id) || replaced.has(id))) continue
      for (const id of inputs) replaced.add(id)
    }
  }
  return replaced
}

/** What the last listing and this one know, for compactions whose log was cleaned away since. */
export interface BeforeAndNow {
  /** The merged entry of a manifest content, by the index blobs that counted then. */
  readonly before: (contentId: string) => IndexEntry | undefined
  /** The same, by those that count now. */
  readonly now: (contentId: string) => IndexEntry | undefined
  /** Contents other than manifests that the live index blobs name, as far as they were looked for. */
  readonly others: ReadonlySet<string>
  /** Entries of all live index blobs together. */
  readonly entryCount: number
  /** Whether everything that counted then was written anew into what counts now: a compaction of the whole index. */
  readonly compacted: boolean
}

/** More than a tenth of everything is not dropped in passing. */
const LARGEST_DROP = 0.1

/**
 * Which of several index blobs are missed: what they said is neither said any more, nor overruled, nor had been given up before.
 * Undefined stands for one of which nothing is known.
 */
export function missedOf(records: readonly (IndexRecord | undefined)[], then: BeforeAndNow): boolean[] {
  const isDropped = (record: IndexRecord): boolean => !isNamed(record, then.others)
  const dropped = records.filter((record) => record !== undefined && isDropped(record))
  const entries = dropped.reduce((sum, record) => sum + (record?.entryCount ?? 0), 0)
  // The engine drops contents that no snapshot needs only where it compacts the whole index. Otherwise they were lost. No
  // snapshot goes unseen by this: manifests have to survive in any case.
  const explained = then.compacted && entries <= then.entryCount * LARGEST_DROP
  return records.map(
    (record) => record === undefined || !manifestsSurvive(record, then) || (isDropped(record) && !explained),
  )
}

/**
 * Whether the whole index was compacted: nothing that counted before counts now, and yet what counts now names a manifest content
 * of before. Contents are named by their hash, and nobody can write that of an old manifest who has not read the old index; what
 * is only backed up once more, after a loss, gets manifests of its own.
 */
export function isWholeCompaction(
  before: ReadonlyMap<string, IndexRecord>,
  now: ReadonlyMap<string, IndexRecord>,
): boolean {
  if ([...before.keys()].some((id) => now.has(id))) return false
  const named = new Set(manifestsOf(now))
  return manifestsOf(before).some((id) => named.has(id))
}

function manifestsOf(records: ReadonlyMap<string, IndexRecord>): string[] {
  const entries = [...records.values()].flatMap(({ manifests }) => manifests)
  return entries.filter(({ deleted }) => !deleted).map(({ contentId }) => contentId)
}

function manifestsSurvive({ manifests }: IndexRecord, { before, now }: BeforeAndNow): boolean {
  return manifests.every((entry) => {
    const current = now(entry.contentId)
    // A deletion that was dropped together with what it deleted is gone for good, and missed by nobody.
    return current === undefined
      ? (before(entry.contentId) ?? entry).deleted
      : !outranks(before(entry.contentId) ?? entry, current)
  })
}

/** Whether most of a blob's contents are named: some may have been dropped, a lost index would have taken nearly all with it. */
function isNamed({ witnesses }: IndexRecord, contents: ReadonlySet<string>): boolean {
  return witnesses.filter((id) => contents.has(id)).length * 2 >= witnesses.length
}

export function indexLost(mark: Mark, file: string, listed: boolean): StorageError {
  return new StorageError(
    "index_lost",
    listed
      ? `${file} counted in the last listing and no longer does, and no compaction explains it`
      : `${file} was there in the last listing and is gone, and no compaction explains it`,
    {
      facts: { file, blob: mark.id },
      hint: "Restore the file from a copy of the repository, or accept the loss if the repository was rolled back on purpose.",
    },
  )
}
