import { StorageError } from "../errors.js"
import type { BlobReader } from "./blob-reader.js"
import type { OpenedFormat } from "./format-keeper.js"
import type { IndexEntry } from "./index-entry.js"
import type { ManifestBlock } from "./manifest-block.js"
import { ManifestView } from "./manifest-view.js"

export interface ManifestLoss {
  /** Ids of snapshots that nothing else tells of. */
  readonly snapshots: readonly string[]
  /** How many of the lost contents cannot be read as it is. */
  readonly unreadable: number
}

export interface ManifestSources {
  readonly manifests: readonly IndexEntry[]
  readonly reader: BlobReader
  readonly opened: OpenedFormat
  readonly signal: AbortSignal | undefined
}

/** Which snapshots are lost with some of the contents that hold manifests: those that the others do not tell of. */
export async function snapshotsLostWith(
  lost: ReadonlySet<IndexEntry>,
  { manifests, reader, opened, signal }: ManifestSources,
): Promise<ManifestLoss> {
  const [all, left] = [new Map<string, ManifestBlock>(), new Map<string, ManifestBlock>()]
  let unreadable = 0
  for (const entry of manifests) {
    signal?.throwIfAborted()
    try {
      const block = await reader.manifests(opened, entry)
      all.set(entry.contentId, block)
      if (!lost.has(entry)) left.set(entry.contentId, block)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      if (lost.has(entry)) unreadable++
    }
  }
  const leftIds = new Set(idsIn(left))
  return { snapshots: idsIn(all).filter((id) => !leftIds.has(id)), unreadable }
}

function idsIn(blocks: ReadonlyMap<string, ManifestBlock>): string[] {
  const view = new ManifestView()
  view.update(blocks)
  return view.snapshots().map(({ id }) => id)
}
