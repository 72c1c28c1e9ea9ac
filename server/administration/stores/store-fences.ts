import type { FenceRecord } from "../../../storage/disk/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import type { Catalog, PlaceSpec } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import { type FenceKind, type Fences, mountName } from "../../db/index.js"

export type Fence = PlaceSpec["fences"][number]

export interface StoreFencesParts {
  readonly catalog: Catalog
  readonly fences: Pick<Fences, "get" | "names">
}

/** What is remembered of the filesystems of a store: of its own, and of those under its repositories. */
export class StoreFences {
  readonly #parts: StoreFencesParts

  constructor(parts: StoreFencesParts) {
    this.#parts = parts
  }

  /** The repository directories in a store that are held now. */
  placesIn(store: StoreEntry): PlaceSpec[] {
    return this.#parts.catalog
      .views()
      .map(({ spec }) => spec)
      .filter(({ directory }) => isAround(store.path, directory))
  }

  /** Everything. */
  of(store: StoreEntry): readonly Fence[] {
    const seen = new Map<string, Fence>()
    for (const { fences } of this.placesIn(store)) for (const fence of fences) seen.set(fence.path, fence)
    const own = this.#record("store", store.name)
    if (own !== undefined && !seen.has(store.path))
      seen.set(store.path, { path: store.path, record: own, store: store.name })
    for (const name of this.#mounts(store)) {
      const record = this.#record("mount", name)
      if (record !== undefined && !seen.has(record.mountPoint))
        seen.set(record.mountPoint, { path: record.mountPoint, record, store: store.name })
    }
    return [...seen.values()]
  }

  /** Whether a filesystem that is mounted in the store is remembered. */
  knowsMount(store: StoreEntry, mountPoint: string): boolean {
    return this.#parts.fences.get("mount", mountName(store.name, mountPoint)) !== undefined
  }

  #mounts({ name }: StoreEntry): string[] {
    return this.#parts.fences.names("mount").filter((mount) => mount.startsWith(mountName(name, "/")))
  }

  #record(kind: FenceKind, name: string): FenceRecord | undefined {
    const stored = this.#parts.fences.get(kind, name)
    return stored === undefined ? undefined : (JSON.parse(stored.record) as FenceRecord)
  }

  /** One for each filesystem: the store's own fence first, then those of filesystems that are mounted in it. */
  ofFilesystems(store: StoreEntry): readonly Fence[] {
    const all = this.of(store)
    const own = all.find(({ path }) => path === store.path)
    if (own === undefined) return []
    const seen = new Map([[own.record.mountPoint, own]])
    for (const fence of all) if (!seen.has(fence.record.mountPoint)) seen.set(fence.record.mountPoint, fence)
    return [...seen.values()]
  }
}
