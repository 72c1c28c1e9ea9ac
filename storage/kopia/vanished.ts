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

/** Whether a compaction log, all of whose outputs are live or replaced in their turn, took a blob in. */
export function replacedByLog(
  id: string,
  logs: readonly CompactionLog[],
  present: ReadonlySet<string>,
): boolean {
  return logs.some(
    ({ inputs, outputs }) => inputs.includes(id) && outputs.every((output) => present.has(output)),
  )
}

/** What the last listing and this one know, for compactions whose log was cleaned away since. */
export interface BeforeAndNow {
  /** The merged entry of a manifest content, by the index blobs that counted then. */
  readonly before: (contentId: string) => IndexEntry | undefined
  /** The same, by those that count now. */
  readonly now: (contentId: string) => IndexEntry | undefined
  /** Contents other than manifests that the live index blobs name, as far as they were looked for. */
  readonly others: ReadonlySet<string>
}

/** Whether everything a blob said is still said, or overruled, or had been given up before. */
export function contentSurvives(record: IndexRecord, { before, now, others }: BeforeAndNow): boolean {
  const manifestsSurvive = record.manifests.every((entry) => {
    const current = now(entry.contentId)
    // A deletion that was dropped together with what it deleted is gone for good, and missed by nobody.
    return current === undefined
      ? (before(entry.contentId) ?? entry).deleted
      : !outranks(before(entry.contentId) ?? entry, current)
  })
  // Maintenance may have dropped some contents at the same time; a lost index would have taken nearly all with it.
  const found = record.witnesses.filter((id) => others.has(id)).length
  return manifestsSurvive && found * 2 >= record.witnesses.length
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
