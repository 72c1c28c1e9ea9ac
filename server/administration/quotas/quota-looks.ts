import type { Quota, SystemQuotas } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { Catalog, Clock } from "../../catalog/index.js"
import { HttpError } from "../../http/index.js"
import type { StoreAccess } from "../directories/store-access.js"
import { Turns } from "../turns.js"
import type { QuotaSpot } from "./quota-places.js"

/** What a look at a directory's limit gave. */
export type Reading =
  | {
      readonly kind: "looked"
      readonly at: number
      readonly realPath: string
      /** The filesystem's type here. */
      readonly type: string
      readonly quota: Quota
      readonly unheld: Trouble | undefined
    }
  | { readonly kind: "failed"; readonly at: number; readonly trouble: Trouble }

export interface Trouble {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
}

export interface QuotaLooksParts {
  readonly clock: Clock
  readonly catalog: Catalog
  readonly access: StoreAccess
  /** What keeps the limits instead of the filesystem; undefined: the filesystem does. */
  readonly system: () => SystemQuotas | undefined
}

/** What was found of the directories' limits, and when. Looks are made one after the other in each store. */
export class QuotaLooks {
  readonly #parts: QuotaLooksParts
  readonly #readings = new Map<string, Reading>()
  readonly #turns = new Map<string, Turns>()

  constructor(parts: QuotaLooksParts) {
    this.#parts = parts
  }

  of({ key }: QuotaSpot): Reading | undefined {
    return this.#readings.get(key)
  }

  /** What was known of a directory is not believed any more. */
  forget(directory: Pick<QuotaSpot, "key">): void {
    this.#readings.delete(directory.key)
  }

  /** Looks at those of which nothing is known that is younger than `maxAgeMs`. Fails for nobody: readings say what went wrong. */
  async refresh(spots: readonly QuotaSpot[], maxAgeMs: number): Promise<void> {
    const byStore = new Map<string, QuotaSpot[]>()
    for (const spot of spots) {
      const some = byStore.get(spot.store.name)
      if (some === undefined) byStore.set(spot.store.name, [spot])
      else some.push(spot)
    }
    await Promise.all(
      [...byStore].map(([store, some]) => {
        // Nobody queues behind a look that does not come back.
        if (this.#toldHang(some)) return Promise.resolve()
        return this.#turnOf(store).take(() => this.#refreshOne(some, maxAgeMs))
      }),
    )
  }

  #toldHang(spots: readonly QuotaSpot[]): boolean {
    const trouble = spots[0] && this.#hang(spots[0])
    if (trouble === undefined) return false
    const at = this.#parts.clock.now().wall
    for (const { key } of spots) this.#readings.set(key, { kind: "failed", at, trouble })
    return true
  }

  async #refreshOne(spots: readonly QuotaSpot[], maxAgeMs: number): Promise<void> {
    const [first] = spots
    if (first === undefined) return
    const trouble = await this.#storeTrouble(first)
    // Nothing is said of a store that is another one now, however fresh; and what failed is tried again.
    const isDue = (spot: QuotaSpot): boolean =>
      trouble !== undefined || this.#readings.get(spot.key)?.kind === "failed" || this.#age(spot) > maxAgeMs
    for (const spot of spots.filter(isDue)) {
      const at = this.#parts.clock.now().wall
      const failed = trouble ?? this.#hang(spot)
      this.#readings.set(
        spot.key,
        failed === undefined ? await this.#look(spot) : { kind: "failed", at, trouble: failed },
      )
    }
  }

  #age(spot: QuotaSpot): number {
    const reading = this.#readings.get(spot.key)
    // A clock that was set back makes everything old.
    const age = reading === undefined ? Infinity : this.#parts.clock.now().wall - reading.at
    return age < 0 ? Infinity : age
  }

  async #storeTrouble(spot: QuotaSpot): Promise<Trouble | undefined> {
    const { access } = this.#parts
    const hang = this.#hang(spot)
    if (hang !== undefined) return hang
    try {
      if (access.viewOf(spot.store) !== undefined) return await access.fenceProblem(spot.store)
    } catch (error) {
      return troubleOf(error)
    }
    const message = `nothing is remembered of store ${spot.store.name} yet`
    return {
      code: "store_unknown",
      message,
      hint: `Accept it: cistern stores accept ${spot.store.name}`,
    }
  }

  #hang({ store }: QuotaSpot): Trouble | undefined {
    const hang = this.#parts.catalog.stores.hang(store.name)
    return hang && { code: "store_hangs", message: hang.message, hint: hang.hint }
  }

  async #look(spot: QuotaSpot): Promise<Reading> {
    const { access, clock, system } = this.#parts
    const at = clock.now().wall
    try {
      const root = access.viewOf(spot.store)
      const holds = spot.repository.entry.quota?.limitBytes
      const kept = system()
      if (root === undefined) throw new StorageError("missing", "the store was forgotten")
      const looked = await access.call(spot.store.name, "lookAtQuota", {
        store: root,
        path: spot.path,
        quota: kept === undefined,
        holds,
      })
      if (looked.kind === "failed") return { kind: "failed", at, trouble: looked.error }
      const { tree, quota, unheld } = looked
      const base = { kind: "looked", at, realPath: tree.realPath, type: tree.type } as const
      if (quota !== undefined) return { ...base, quota, unheld }
      if (kept === undefined)
        throw new StorageError("unstable", "the NAS system that kept the limits is gone")
      const said = await kept.quotaOf(tree)
      const asks = holds !== undefined && said.limitBytes !== holds
      const plan = () => kept.plan(tree, { bytes: holds ?? "none", files: "keep" }, { belowUse: true })
      return { ...base, quota: said, unheld: asks ? await whyNot(plan) : undefined }
    } catch (error) {
      return { kind: "failed", at, trouble: troubleOf(error) }
    }
  }

  #turnOf(store: string): Turns {
    const turns = this.#turns.get(store) ?? new Turns()
    this.#turns.set(store, turns)
    return turns
  }
}

async function whyNot(plan: () => Promise<unknown>): Promise<Trouble | undefined> {
  try {
    await plan()
    return undefined
  } catch (error) {
    if (error instanceof StorageError) return troubleOf(error)
    throw error
  }
}

function troubleOf(error: unknown): Trouble {
  if (error instanceof StorageError) return { code: error.code, message: error.message, hint: error.hint }
  if (error instanceof HttpError)
    return { code: error.code, message: error.message, hint: error.hint ?? undefined }
  // Such as a store that was closed meanwhile: nobody knows, and nobody waits for this answer.
  const message = error instanceof Error ? error.message : String(error)
  return { code: "unknown", message, hint: undefined }
}
