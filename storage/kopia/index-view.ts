import { outranks, type IndexEntry } from "./index-entry.js"
import type { IndexRecord } from "./index-record.js"

/**
 * The manifest contents of a set of index blobs, merged (kopia-repository-format §9.3). A set that only grew costs its new
 * members; a set that lost one is merged anew.
 */
export class IndexView {
  #sources = new Set<string>()
  #winners = new Map<string, IndexEntry>()

  update(live: ReadonlyMap<string, IndexRecord>): void {
    if ([...this.#sources].some((id) => !live.has(id))) {
      this.#sources = new Set()
      this.#winners = new Map()
    }
    for (const [id, { manifests }] of live) {
      if (this.#sources.has(id)) continue
      this.#sources.add(id)
      for (const entry of manifests) this.#add(entry)
    }
  }

  /** The entry that counts for a content, deleted or not. */
  winner(contentId: string): IndexEntry | undefined {
    return this.#winners.get(contentId)
  }

  /**
   * What is there to be read. The deletion watermark is of no matter here: it turns what is deleted into what never was, and
   * neither is listed.
   */
  existing(): IndexEntry[] {
    return [...this.#winners.values()].filter(({ deleted }) => !deleted)
  }

  #add(entry: IndexEntry): void {
    const other = this.#winners.get(entry.contentId)
    if (other === undefined || outranks(entry, other)) this.#winners.set(entry.contentId, entry)
  }
}
