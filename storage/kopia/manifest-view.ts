import type { Snapshot } from "../repository.js"
import type { ManifestEntry } from "./manifest-content.js"
import type { KopiaPolicy } from "./policy.js"

/**
 * The manifests of a set of contents, merged: of each id the latest version counts, and none if that one says deleted. A set
 * that only grew costs its new members; a set that lost one (the engine compacted it) is merged anew.
 */
export class ManifestView {
  #contents = new Set<string>()
  #latest = new Map<string, ManifestEntry>()
  #snapshots: readonly Snapshot[] | undefined

  update(live: ReadonlyMap<string, readonly ManifestEntry[]>): void {
    if ([...this.#contents].some((content) => !live.has(content))) {
      this.#contents = new Set()
      this.#latest = new Map()
      this.#snapshots = undefined
    }
    for (const [content, entries] of live) {
      if (this.#contents.has(content)) continue
      this.#contents.add(content)
      this.#snapshots = undefined
      for (const entry of entries) this.#add(entry)
    }
  }

  /** By start, oldest first; equal starts by id, so that the order is the same each time. */
  snapshots(): readonly Snapshot[] {
    this.#snapshots ??= [...this.#latest.values()]
      .flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot]))
      .sort((a, b) => (a.start === b.start ? (a.id < b.id ? -1 : 1) : a.start < b.start ? -1 : 1))
    return this.#snapshots
  }

  policies(): readonly KopiaPolicy[] {
    return [...this.#latest.values()].flatMap(({ policy }) => (policy === undefined ? [] : [policy]))
  }

  #add(entry: ManifestEntry): void {
    const other = this.#latest.get(entry.id)
    if (other === undefined || isLater(entry, other)) this.#latest.set(entry.id, entry)
  }
}

/** At equal times what exists wins: the engine leaves it open, and too much is noticed sooner than too little. */
function isLater(a: ManifestEntry, b: ManifestEntry): boolean {
  return a.modified === b.modified ? b.deleted && !a.deleted : a.modified > b.modified
}
