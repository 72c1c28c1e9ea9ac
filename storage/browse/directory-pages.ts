import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { findEntry } from "../find-entry.js"
import type { Snapshot } from "../repository.js"
import { sortedEntries } from "./sorted-entries.js"

export interface PageOptions {
  /** The name of the last entry of the page before; without it the first page. */
  readonly after?: Uint8Array
  readonly limit: number
}

export interface DirectoryPage {
  readonly entries: readonly SnapshotEntry[]
  /** What `after` of the next page is; undefined on the last one. */
  readonly next: Uint8Array | undefined
  /** Of all pages. */
  readonly total: number
  /** How many entries are left out because another one has their name: only a hand makes such a directory. */
  readonly repeated: number
}

/** A directory that was read, to be shown page by page, by the bytes of names. Both engines store a directory in one piece. */
export class DirectoryPages {
  readonly #entries: readonly SnapshotEntry[]
  readonly #repeated: number

  private constructor(entries: readonly SnapshotEntry[], repeated: number) {
    this.#entries = entries
    this.#repeated = repeated
  }

  /** Throws as `contents.list` does. */
  static async open(contents: SnapshotContents, directory: SnapshotEntry): Promise<DirectoryPages> {
    const { entries, repeated } = sortedEntries(await contents.list(directory))
    return new DirectoryPages(entries, repeated.length)
  }

  page({ after, limit }: PageOptions): DirectoryPage {
    const start = after === undefined ? 0 : this.#firstBehind(after)
    const entries = this.#entries.slice(start, start + Math.max(1, limit))
    const isLast = start + entries.length >= this.#entries.length
    return {
      entries,
      next: isLast ? undefined : entries.at(-1)?.name,
      total: this.#entries.length,
      repeated: this.#repeated,
    }
  }

  #firstBehind(name: Uint8Array): number {
    let [low, high] = [0, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const entry = this.#entries[middle]
      if (entry !== undefined && Buffer.compare(entry.name, name) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

export interface EntryAt {
  readonly entry: SnapshotEntry
  /** Of a directory. */
  readonly page: DirectoryPage | undefined
}

/**
 * What lies at a path in a snapshot, and of a directory one page. The directory is read for each page: whoever turns many keeps its
 * DirectoryPages. Throws `missing` when nothing is there, and as the contents do.
 */
export async function entriesAt(
  contents: SnapshotContents,
  snapshot: Snapshot,
  path: string,
  options: PageOptions,
): Promise<EntryAt> {
  const entry = await findEntry(contents, snapshot, path)
  if (entry.kind !== "directory") return { entry, page: undefined }
  return { entry, page: (await DirectoryPages.open(contents, entry)).page(options) }
}
