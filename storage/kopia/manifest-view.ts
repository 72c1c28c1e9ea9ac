import type { Snapshot, SnapshotSource } from "../repository.js"
import { LatestVersions } from "./latest-versions.js"
import type { ManifestBlock } from "./manifest-block.js"
import { ManifestShelf } from "./manifest-shelf.js"
import type { KopiaPolicy } from "./policy.js"
import { KopiaSource } from "./kopia-source.js"

/**
 * The manifests of a set of contents, merged: of each id the latest version counts, and none if that one says deleted. A set
 * that only grew costs its new members; a set that lost one (the engine compacted it) is merged anew.
 */
export class ManifestView {
  #contents = new Set<string>()
  #shelf = new ManifestShelf()
  #latest = new LatestVersions(this.#shelf)
  #policies = new Set<number>()
  /** Never changed, but replaced: a listing holds the one of its moment. */
  #sources: ReadonlyMap<SnapshotSource, KopiaSource> = new Map()

  update(live: ReadonlyMap<string, ManifestBlock>): void {
    if ([...this.#contents].some((content) => !live.has(content))) {
      this.#contents = new Set()
      this.#shelf = new ManifestShelf()
      this.#latest = new LatestVersions(this.#shelf)
      this.#policies = new Set()
      this.#sources = new Map()
    }
    const change = new Change()
    for (const [content, block] of live) {
      if (this.#contents.has(content)) continue
      this.#contents.add(content)
      const first = this.#shelf.add(block)
      for (let row = 0; row < block.count; row++) this.#add(first + row, change)
    }
    if (change.sources.size > 0) this.#regroup(change)
  }

  /** By start, oldest first; equal starts by id, so that the order is the same each time. */
  snapshots(): readonly Snapshot[] {
    return this.asOfNow()()
  }

  /** The same, to be made later, whatever is updated until then. */
  asOfNow(): () => readonly Snapshot[] {
    const [sources, shelf] = [this.#sources, this.#shelf]
    return () =>
      [...sources.values()]
        .flatMap(({ manifests }) => manifests)
        .sort((one, other) => shelf.compareStart(one, other))
        .map((manifest) => shelf.snapshotAt(manifest))
  }

  /** The same by source. An element stays the same object while nothing of its source changes. */
  sources(): readonly KopiaSource[] {
    return [...this.#sources.values()]
  }

  policies(): readonly KopiaPolicy[] {
    return [...this.#policies].flatMap((manifest) => this.#shelf.policyAt(manifest) ?? [])
  }

  #add(manifest: number, change: Change): void {
    const earlier = this.#latest.put(manifest)
    if (earlier === manifest) return
    if (earlier !== undefined) {
      this.#policies.delete(earlier)
      change.remove(earlier, this.#shelf.sourceOf(earlier))
    }
    if (this.#shelf.isDeleted(manifest)) return
    const source = this.#shelf.sourceOf(manifest)
    if (source !== undefined) change.add(manifest, source)
    else if (this.#shelf.policyAt(manifest) !== undefined) this.#policies.add(manifest)
  }

  #regroup(change: Change): void {
    const sources = new Map(this.#sources)
    for (const [source, added] of change.sources) {
      const manifests = [...(sources.get(source)?.manifests ?? []), ...added]
        .filter((manifest) => !change.removed.has(manifest))
        .sort((one, other) => this.#shelf.compareStart(one, other))
      if (manifests.length === 0) sources.delete(source)
      else sources.set(source, new KopiaSource(source, manifests, this.#shelf))
    }
    this.#sources = sources
  }
}

/** What one update brings, by the sources that it touches. */
class Change {
  readonly sources = new Map<SnapshotSource, number[]>()
  readonly removed = new Set<number>()

  add(manifest: number, source: SnapshotSource): void {
    const added = this.sources.get(source)
    if (added === undefined) this.sources.set(source, [manifest])
    else added.push(manifest)
  }

  remove(manifest: number, source: SnapshotSource | undefined): void {
    if (source === undefined) return
    this.removed.add(manifest)
    if (!this.sources.has(source)) this.sources.set(source, [])
  }
}
