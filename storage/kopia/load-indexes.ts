import { StorageError } from "../errors.js"
import type { BlobReader } from "./blob-reader.js"
import { kindOfBlob } from "./blob-id.js"
import { type CompactionLog, type RecentLogs, selectUncompacted } from "./compaction-log.js"
import { readEpochNames } from "./epoch-names.js"
import type { OpenedFormat } from "./format-keeper.js"
import { scanIndex } from "./index-blob.js"
import { contentIdOf } from "./index-key.js"
import type { IndexRecord } from "./index-record.js"
import { IndexView } from "./index-view.js"
import type { BlobListing, KopiaBlob, KopiaBlobs } from "./kopia-blobs.js"
import { selectLiveIndexes } from "./live-indexes.js"
import { parseMarks } from "./marks.js"
import { indexLost, isWholeCompaction, missedOf, replacedByEpochs, replacedByLogs } from "./vanished.js"

export interface IndexSources {
  readonly blobs: KopiaBlobs
  readonly reader: BlobReader
  readonly opened: OpenedFormat
  readonly listing: BlobListing
  readonly view: IndexView
  readonly logs: RecentLogs
  readonly previousMarks: readonly string[]
  readonly signal: AbortSignal | undefined
}

export interface LoadedIndexes {
  /** The index blobs that count. */
  readonly live: readonly KopiaBlob[]
}

/** Which blobs count, and whether one that counts no more was replaced by others. */
interface Selection extends LoadedIndexes {
  readonly isReplaced: (id: string) => boolean
}

/**
 * Selects the live index blobs, reads what is new of them and merges them into the view. Throws `index_lost` when one that
 * counted in the previous listing counts no more without an explanation, or when none is left.
 */
export async function loadIndexes(sources: IndexSources): Promise<LoadedIndexes> {
  const { blobs, reader, opened, listing, view, signal } = sources
  const selection = opened.format.epochs ? selectByEpochs(listing) : await selectByLogs(sources)
  if (selection.live.length === 0 && listing.packsSeen) {
    throw new StorageError("index_lost", `${blobs.location}: there are packs and no index blob`, {
      hint: "Restore the x… or n… files from a copy of the repository; Kopia would list nothing and report success.",
    })
  }

  const records = new Map<string, IndexRecord>()
  for (const blob of selection.live) {
    signal?.throwIfAborted()
    records.set(blob.id, await reader.index(opened, blob))
  }
  view.update(records)
  await explainMarks(sources, selection, records)
  return selection
}

function selectByEpochs(listing: BlobListing): Selection {
  const byId = new Map(listing.blobs.map((blob) => [blob.id, blob]))
  const selected = selectLiveIndexes(readEpochNames(byId.keys()))
  return {
    live: pick(byId, selected.blobs),
    isReplaced: (id) => replacedByEpochs(id, selected),
  }
}

async function selectByLogs({
  reader,
  opened,
  listing,
  logs: recent,
  signal,
}: IndexSources): Promise<Selection> {
  const indexes = listing.blobs.filter(({ id }) => kindOfBlob(id) === "legacy_index")
  const logs: CompactionLog[] = []
  for (const blob of listing.blobs.filter(({ id }) => kindOfBlob(id) === "compaction_log")) {
    signal?.throwIfAborted()
    const log = await reader.compactionLog(opened, blob)
    logs.push(log)
    recent.note(blob.id, log)
  }
  const byId = new Map(indexes.map((blob) => [blob.id, blob]))
  const present = new Set(byId.keys())
  const replaced = replacedByLogs(recent.all(), present)
  return {
    live: pick(byId, selectUncompacted([...present], logs)),
    isReplaced: (id) => replaced.has(id),
  }
}

/** `records`: of the live index blobs. */
async function explainMarks(
  sources: IndexSources,
  selection: Selection,
  records: ReadonlyMap<string, IndexRecord>,
): Promise<void> {
  const { blobs, opened, listing, reader, view } = sources
  const live = new Set(selection.live.map(({ id }) => id))
  const marks = parseMarks(opened.repositoryId, sources.previousMarks)
  const doubtful = marks.filter(({ id }) => !live.has(id) && !selection.isReplaced(id))
  if (doubtful.length === 0) return

  const listed = new Set(listing.blobs.map(({ id }) => id))
  const known = new Map<string, IndexRecord>()
  for (const { id, length } of marks) {
    const record = reader.knownIndex(opened, id, length)
    if (record !== undefined) known.set(id, record)
  }
  const before = new IndexView()
  before.update(known)
  // The epoch manager never takes its blobs away unless names tell why; only what the logs did may have lost its trace.
  const vanished = doubtful.map(({ id }) => (kindOfBlob(id) === "legacy_index" ? known.get(id) : undefined))
  const witnesses = new Set(vanished.flatMap((record) => record?.witnesses ?? []))
  let entryCount = 0
  for (const record of records.values()) entryCount += record.entryCount
  const missed = missedOf(vanished, {
    before: (id) => before.winner(id),
    now: (id) => view.winner(id),
    others: await contentsAmong(witnesses, sources, selection.live),
    entryCount,
    compacted: marks.every(({ id }) => !live.has(id)) && isWholeCompaction(known, records),
  })
  for (const [at, mark] of doubtful.entries()) {
    if (missed[at] === true) throw indexLost(mark, blobs.fileOf(mark.id), listed.has(mark.id))
  }
}

/** Which of the wanted contents the live index blobs name. They are read again for it, which is rare. */
async function contentsAmong(
  wanted: ReadonlySet<string>,
  { blobs, reader, opened }: IndexSources,
  live: readonly KopiaBlob[],
): Promise<Set<string>> {
  const found = new Set<string>()
  if (wanted.size === 0) return found
  for (const { id } of live) {
    const file = blobs.fileOf(id)
    scanIndex(await reader.openBlob(opened, id), file, (key) => {
      const contentId = contentIdOf(key, file)
      if (wanted.has(contentId)) found.add(contentId)
      return false
    })
  }
  return found
}

function pick(byId: ReadonlyMap<string, KopiaBlob>, ids: readonly string[]): KopiaBlob[] {
  return ids.flatMap((id) => byId.get(id) ?? [])
}
