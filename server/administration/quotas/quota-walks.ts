import type { TreeUse } from "../../../storage/disk/index.js"
import type { Clock } from "../../catalog/index.js"
import type { StoredTreeUse } from "../../db/index.js"
import { HttpError } from "../../http/index.js"
import type { StoreAccess } from "../directories/store-access.js"
import type { Target } from "../directories/targets.js"

export interface QuotaWalksParts {
  readonly clock: Clock
  readonly access: StoreAccess
  readonly uses: {
    get(place: string): StoredTreeUse | undefined
    put(place: string, use: StoredTreeUse): void
  }
}

interface Walk {
  readonly run: string
  readonly store: string
  /** Its key. */
  readonly place: string
  files: number
}

/** Walks through directories that nobody else counts: at most one in each store, and what they found is kept. */
export class QuotaWalks {
  readonly #parts: QuotaWalksParts
  readonly #walks = new Map<string, Walk>()

  constructor(parts: QuotaWalksParts) {
    this.#parts = parts
  }

  last(place: string): StoredTreeUse | undefined {
    return this.#parts.uses.get(place)
  }

  /** Files and folders that a walk under way has counted; undefined: there is none. */
  progress(place: string): number | undefined {
    return this.#at(place)?.files
  }

  isBusy(store: string): boolean {
    return this.#walks.has(store)
  }

  /**
   * Walks through a directory. Undefined: it was stopped, and nothing is kept. Throws StorageError, and HttpError 409 `measuring` while
   * another walk is under way in that store.
   */
  async walk(target: Target, place: string, run: string): Promise<StoredTreeUse | undefined> {
    const { access, clock, uses } = this.#parts
    const store = target.store.name
    if (this.#walks.has(store)) {
      throw new HttpError(409, "measuring", `A directory of store ${store} is being measured already.`, {
        hint: "Wait for it, or stop it with `cistern quotas measure --stop`.",
      })
    }
    const { store: root, fences } = access.accessTo(target)
    const walk = { run, store, place, files: 0 }
    this.#walks.set(store, walk)
    const begunAt = clock.now().wall
    try {
      // Whatever is mounted in the way is looked at, and nothing is changed.
      const view = { ...root, mounts: undefined }
      const found = await access.call(store, "measureTree", { store: view, path: target.path, fences, run })
      if (found === undefined) return undefined
      const use = storedUse(found, begunAt, clock.now().wall)
      uses.put(place, use)
      return use
    } finally {
      this.#walks.delete(store)
    }
  }

  /** Asks a walk how far it is, for who looks next. */
  async ask(run: string): Promise<number | undefined> {
    const walk = [...this.#walks.values()].find((one) => one.run === run)
    if (walk === undefined) return undefined
    walk.files = (await this.#parts.access.call(walk.store, "measuredSoFar", run)) ?? walk.files
    return walk.files
  }

  /** False: no walk is under way there. */
  async stop(place: string): Promise<boolean> {
    const walk = this.#at(place)
    return walk === undefined ? false : this.#parts.access.call(walk.store, "stopMeasuring", walk.run)
  }

  #at(place: string): Walk | undefined {
    return [...this.#walks.values()].find((walk) => walk.place === place)
  }
}

function storedUse(
  { bytes, files, unreadable, elsewhere }: TreeUse,
  begunAt: number,
  endedAt: number,
): StoredTreeUse {
  return { bytes, files, unread: unreadable.count, elsewhere: elsewhere.count, begunAt, endedAt }
}
