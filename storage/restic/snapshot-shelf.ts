import type { TreeEntry } from "../blobs/index.js"
import type { Snapshot, SourceSnapshots } from "../repository.js"
import { isSame } from "./folder-view.js"
import type { SnapshotReader } from "./snapshot-reader.js"
import { byStart, SourceGroups } from "./source-groups.js"

interface Shelved {
  readonly entry: TreeEntry
  readonly snapshot: Snapshot
}

/** The snapshots that exactly some files hold, as of one moment. */
export interface SnapshotSet {
  readonly count: number
  readonly sources: readonly SourceSnapshots[]
  /** By start, oldest first. Made at each call. */
  all(): readonly Snapshot[]
}

/** The snapshots of the last listing. The next one reads what is new and keeps the rest. */
export class SnapshotShelf {
  readonly #reader: SnapshotReader
  readonly #groups = new SourceGroups()
  /** Of #of, in its order: by name. */
  #shelved: readonly Shelved[] = []
  #of: readonly TreeEntry[] = []
  /** Read for a listing that did not come to its end: its repetition reads only what is left. By name. */
  readonly #early = new Map<string, Shelved>()

  constructor(reader: SnapshotReader) {
    this.#reader = reader
  }

  /**
   * The snapshots of these files, which are sorted by name, or a StorageError that names the first that cannot be read. Not
   * to be called again before it is done.
   */
  async hold(entries: readonly TreeEntry[], signal?: AbortSignal): Promise<SnapshotSet> {
    if (entries !== this.#of) await this.#exchange(entries, signal)
    const { sources } = this.#groups
    return {
      count: entries.length,
      sources,
      all: () => sources.flatMap((source) => source.snapshots()).sort(byStart),
    }
  }

  async #exchange(entries: readonly TreeEntry[], signal: AbortSignal | undefined): Promise<void> {
    const before = this.#shelved
    const now: Shelved[] = []
    const added: Snapshot[] = []
    const gone: Snapshot[] = []
    let at = 0
    for (const entry of entries) {
      for (let old = before[at]; old !== undefined && old.entry.name < entry.name; old = before[++at])
        gone.push(old.snapshot)
      const known = before[at]?.entry.name === entry.name ? before[at++] : undefined
      if (known !== undefined && isSame(known.entry, entry)) {
        now.push(known)
        continue
      }
      signal?.throwIfAborted()
      const { snapshot } = await this.#read(entry, known !== undefined)
      if (known !== undefined) gone.push(known.snapshot)
      now.push({ entry, snapshot })
      added.push(snapshot)
    }
    for (const { snapshot } of before.slice(at)) gone.push(snapshot)
    this.#groups.update(added, gone)
    this.#shelved = now
    this.#of = entries
    this.#early.clear()
  }

  /** A known file that is not as it was is read, whatever is remembered of its name. */
  async #read(entry: TreeEntry, known: boolean): Promise<Shelved> {
    const early = this.#early.get(entry.name)
    if (early !== undefined && isSame(early.entry, entry)) return early
    const shelved = { entry, snapshot: await this.#reader.read(entry, known || early !== undefined) }
    this.#early.set(entry.name, shelved)
    return shelved
  }
}
