import { RecentLogs } from "./compaction-log.js"
import { ContentIndex } from "./content-index.js"
import type { IndexSources } from "./load-indexes.js"
import { loadIndexes } from "./load-indexes.js"
import { IndexView } from "./index-view.js"

export interface LoadedContents {
  readonly index: ContentIndex
  /** Ids of the contents that hold manifests. */
  readonly manifests: readonly string[]
}

/** Reads all live index blobs. Throws as `loadIndexes` does. */
export async function loadContents(
  sources: Pick<IndexSources, "blobs" | "reader" | "opened" | "listing" | "signal">,
): Promise<LoadedContents> {
  const { blobs, reader, opened, signal } = sources
  const view = new IndexView()
  const { live } = await loadIndexes({
    ...sources,
    view,
    logs: new RecentLogs(),
    previousMarks: [],
  })
  const counts = live.map(({ id, length }) => reader.knownIndex(opened, id, length)?.entryCount ?? 0)
  const index = new ContentIndex(counts.reduce((sum, count) => sum + count, 0))
  for (const { id } of live) {
    signal?.throwIfAborted()
    index.add(await reader.openBlob(opened, id), blobs.fileOf(id))
  }
  return { index, manifests: view.existing().map(({ contentId }) => contentId) }
}
