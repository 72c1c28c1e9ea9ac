import { askedOnce } from "../asked-once.js"
import { IdTable } from "../bytes/index.js"
import { lossOf, type LostContents } from "../lost-contents.js"
import type { BlobReader } from "./blob-reader.js"
import { kindOfBlob } from "./blob-id.js"
import { selectUncompacted } from "./compaction-log.js"
import { ContentIndex } from "./content-index.js"
import { readEpochNames } from "./epoch-names.js"
import type { OpenedFormat } from "./format-keeper.js"
import { walkIndex } from "./index-blob.js"
import type { IndexEntry } from "./index-entry.js"
import { contentIdOf, keyOfContent } from "./index-key.js"
import type { BlobListing, KopiaBlobs } from "./kopia-blobs.js"
import { selectLiveIndexes } from "./live-indexes.js"

/** The index of a repository, and the blobs that it was read from. */
export interface IndexSet {
  readonly blobs: KopiaBlobs
  readonly reader: BlobReader
  readonly opened: OpenedFormat
  readonly listing: BlobListing
  readonly index: ContentIndex
  /** Ids of the index blobs that count. */
  readonly live: readonly string[]
}

/**
 * What would be lost with a blob that says where contents lie, or which blobs say it. Without it others may count that it had
 * replaced; and what others say of a content may be older, and lead to a pack that is no more.
 */
export async function lossOfIndex(
  sources: IndexSet,
  blob: string,
  signal: AbortSignal | undefined,
): Promise<LostContents> {
  const found = { blob, file: sources.blobs.fileOf(blob), kind: "index" } as const
  const liveThen = new Set(await liveWithout(sources, blob))
  const missed = sources.live.filter((id) => !liveThen.has(id))
  if (missed.length === 0) return lossOf(found)

  const told = await keysIn(sources, missed, signal)
  const then = await indexOf(sources, liveThen, told, signal)
  const lost = new IdTable(told.width)
  const isThere = askedOnce(async (pack: string) => (await sources.blobs.lengthOf(pack)) !== undefined)
  const { watermark } = readEpochNames(sources.listing.blobs.map(({ id }) => id).filter((id) => id !== blob))
  for (let row = 0; row < told.size; row++) {
    const key = told.idAt(row)
    const contentId = contentIdOf(key, found.file)
    const now = sources.index.find(contentId)
    const other = then.find(contentId)
    const isLeft =
      now !== undefined &&
      other !== undefined &&
      isAsGood(now, other, watermark) &&
      (other.pack === now.pack || (await isThere(other.pack)))
    if (isLeft) continue
    lost.add(key)
  }
  return lossOf({
    ...found,
    count: lost.size,
    has: (content) => {
      const key = keyOfContent(content)
      return key?.length === lost.width && lost.rowOf(key) !== undefined
    },
    ...(lost.size === 0
      ? {}
      : {
          recovery:
            "Packs hold copies of their own index: `kopia index recover` reads it from those that are still there.",
        }),
  })
}

/** The engine passes over what was given up before the watermark. */
function isAsGood(now: IndexEntry, other: IndexEntry, watermark: number | undefined): boolean {
  return !other.deleted || now.deleted || watermark === undefined || other.timestamp > watermark
}

/** The index blobs that would count without one blob. */
async function liveWithout({ listing, opened, reader }: IndexSet, blob: string): Promise<readonly string[]> {
  const ids = listing.blobs.map(({ id }) => id).filter((id) => id !== blob)
  if (opened.format.epochs) return selectLiveIndexes(readEpochNames(ids), "as the engine").blobs
  const logs = await Promise.all(
    listing.blobs
      .filter(({ id }) => id !== blob && kindOfBlob(id) === "compaction_log")
      .map((log) => reader.compactionLog(opened, log)),
  )
  return selectUncompacted(
    ids.filter((id) => kindOfBlob(id) === "legacy_index"),
    logs,
  )
}

/** The keys of all contents that some index blobs name. */
async function keysIn(
  { blobs, reader, opened, index }: IndexSet,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<IdTable> {
  const keys = new IdTable(index.keyLength)
  for (const id of ids) {
    signal?.throwIfAborted()
    const note = (key: Uint8Array): boolean => {
      keys.add(key)
      return false
    }
    walkIndex(await reader.openBlob(opened, id), blobs.fileOf(id), note, () => undefined)
  }
  return keys
}

/** What some index blobs say of some contents. */
async function indexOf(
  { blobs, reader, opened }: IndexSet,
  ids: Iterable<string>,
  keys: IdTable,
  signal: AbortSignal | undefined,
): Promise<ContentIndex> {
  const index = new ContentIndex(keys.size)
  for (const id of ids) {
    signal?.throwIfAborted()
    const isWanted = (key: Uint8Array): boolean => key.length === keys.width && keys.rowOf(key) !== undefined
    index.add(await reader.openBlob(opened, id), blobs.fileOf(id), isWanted)
  }
  return index
}
