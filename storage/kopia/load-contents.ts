import { RecentLogs } from "./compaction-log.js"
import { ContentIndex } from "./content-index.js"
import type { IndexSources } from "./load-indexes.js"
import { loadIndexes } from "./load-indexes.js"
import { IndexView } from "./index-view.js"

/** Reads all live index blobs. Throws as `loadIndexes` does. */
export async function loadContents(
  sources: Pick<IndexSources, "blobs" | "reader" | "opened" | "listing" | "signal">,
): Promise<ContentIndex> {
  const { blobs, reader, opened, signal } = sources
  const { live } = await loadIndexes({
    ...sources,
    view: new IndexView(),
    logs: new RecentLogs(),
    previousMarks: [],
  })
  const counts = live.map(({ id, length }) => reader.knownIndex(opened, id, length)?.entryCount ?? 0)
  const index = new ContentIndex(counts.reduce((sum, count) => sum + count, 0))
  for (const { id } of live) {
    signal?.throwIfAborted()
    index.add(await reader.openBlob(opened, id), blobs.fileOf(id))
  }
  return index
}
