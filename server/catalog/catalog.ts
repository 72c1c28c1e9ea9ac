import { type Snapshot, StorageError } from "../../storage/index.js"
import { ageOf } from "./clock.js"
import { Families, type FamilySpec, type Search } from "./families.js"
import type { ListReply, PlaceSpec } from "./messages.js"
import { type OpenStore, OpenStores, type OpenStoresParts, type StoreSpec } from "./open-stores.js"
import { type ListingOrder, type ListingReason, Place, type PlaceView, type Witness } from "./place.js"
import type { Hang } from "./pulse.js"
import { listingDue, type ListingRhythm } from "./rhythm.js"

export interface CatalogSpec {
  readonly stores: readonly StoreSpec[]
  readonly places: readonly (PlaceSpec & { readonly store: string })[]
  readonly families: readonly FamilySpec[]
}

export interface CatalogParts extends Omit<OpenStoresParts, "changed"> {
  readonly witness: Witness
  /** The spec with its password read again: somebody may have put the right one in place meanwhile. */
  readonly renew: (spec: PlaceSpec) => PlaceSpec
  /** Live metadata files of the last accepted listing of a place. */
  readonly marksOf: (place: string) => readonly string[]
  readonly rhythm: ListingRhythm
}

interface HeldPlace {
  readonly place: Place
  readonly store: OpenStore
  readonly family: string | undefined
  /** When the last listing gave something new: a mover is near. */
  activeAt: number
  failures: number
  debounce: NodeJS.Timeout | undefined
}

/** A burst of file events (a temporary file, its rename, the folder's time) becomes one listing. */
const DEBOUNCE_MS = 40
const TICK_MS = 1_000

/** What is in every repository now: one view per place, kept up to date by events, timers and questions. */
export class Catalog {
  readonly stores: OpenStores
  readonly #parts: CatalogParts
  readonly #places = new Map<string, HeldPlace>()
  readonly #asked = new Map<string, Promise<PlaceView>>()
  readonly #families = new Families()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(parts: CatalogParts) {
    this.#parts = parts
    this.stores = new OpenStores({
      ...parts,
      changed: (place) => {
        this.#changed(place)
      },
    })
  }

  /** Takes over a new declaration: opens what is new, forgets what is gone, keeps what stayed. */
  declare(spec: CatalogSpec): void {
    for (const store of spec.stores) this.openStore(store)
    this.#families.declare(spec.families)
    const kept = new Set(spec.places.map(({ place }) => place))
    for (const [key, held] of this.#places) {
      const again = this.#families.member(held.family, held.place.view.spec.directory)
      if (again !== undefined && again.place === key) held.place.redeclare(again)
      else if (!kept.has(key)) this.#forget(key, held)
    }
    for (const { store, ...place } of spec.places) this.#hold(place, store, undefined)
    this.stores.keepOnly(spec.stores)
    this.#timer ??= setInterval(() => {
      this.#tick()
    }, TICK_MS).unref()
    this.#tick()
  }

  /** Opens a store's thread. Where it is elsewhere now, what was read at the old place is forgotten. */
  openStore(spec: StoreSpec): void {
    const closed = this.stores.open(spec)
    if (closed === undefined) return
    for (const [key, held] of this.#places) if (held.store === closed) this.#places.delete(key)
  }

  views(): PlaceView[] {
    return [...this.#places.values()].map(({ place }) => place.view)
  }

  view(place: string): PlaceView | undefined {
    return this.#places.get(place)?.place.view
  }

  /** How many places have had their first answer, of how many: shown while a start goes on. */
  progress(): { listed: number; places: number } {
    const views = this.views()
    return { listed: views.filter((view) => view.generation ?? view.trouble).length, places: views.length }
  }

  /** Whether the last look for a family's members worked, and when (monotonic ms). */
  discovery(family: string): Search | undefined {
    return this.#families.lastSearch(family)
  }

  /**
   * The view after a listing that begins after this call. A place that nobody holds is looked at and forgotten again,
   * unless a repository was found there: names are asked for that never had one. Where the store hangs, the view says so at
   * once, and nobody is added to those who wait.
   */
  async listNow(spec: PlaceSpec, store: string, family?: string): Promise<PlaceView> {
    const held = this.#places.get(spec.place)
    const hang = this.stores.hang(store)
    if (hang !== undefined) return this.#hungView(held?.place.view, spec, hang)
    if (held !== undefined) {
      await this.#list(held, "asked")
      return held.place.view
    }
    const running = this.#asked.get(spec.place)
    // Somebody else's look may have begun before this question: wait for it, then look once more.
    if (running !== undefined) {
      await running
      return this.#asked.get(spec.place) ?? this.listNow(spec, store, family)
    }
    const look = this.#lookAt(spec, store, family)
    this.#asked.set(spec.place, look)
    try {
      return await look
    } finally {
      this.#asked.delete(spec.place)
    }
  }

  /** The snapshots of a place as of its newest generation, oldest first. */
  async snapshots(place: string): Promise<readonly Snapshot[]> {
    const held = this.#places.get(place)
    if (held === undefined) throw new StorageError("missing", "no such repository", { facts: { place } })
    return held.store.connection.rpc.call("snapshots", place)
  }

  /** What is known of a place is read anew from nothing. */
  forget(place: string): void {
    const held = this.#places.get(place)
    if (held !== undefined) this.#forget(place, held)
  }

  /** Something happened to the mounts: every place is looked at again at once. */
  mountsChanged(): void {
    for (const held of this.#places.values()) void this.#list(held, "asked")
  }

  /** False when a thread hangs on a mount and is left behind. */
  async stop(): Promise<boolean> {
    this.#stopped = true
    clearInterval(this.#timer)
    for (const held of this.#places.values()) clearTimeout(held.debounce)
    return this.stores.stop()
  }

  #hungView(view: PlaceView | undefined, spec: PlaceSpec, { message, hint }: Hang): PlaceView {
    const now = this.#parts.clock.now()
    const error = { code: "timeout", message, hint, facts: {} } as const
    const trouble = { kind: "failed", begun: now, since: now, error, empty: false } as const
    return { ...(view ?? { spec, generation: undefined, watched: false }), trouble }
  }

  async #lookAt(spec: PlaceSpec, store: string, family: string | undefined): Promise<PlaceView> {
    const held = this.#newPlace(spec, store, family)
    await held.place.list("asked")
    // The search for members may have found it meanwhile.
    if (held.place.view.generation !== undefined && !this.#places.has(spec.place))
      this.#places.set(spec.place, held)
    return held.place.view
  }

  #hold(spec: PlaceSpec, store: string, family: string | undefined): void {
    const held = this.#places.get(spec.place)
    if (held === undefined) this.#places.set(spec.place, this.#newPlace(spec, store, family))
    else held.place.redeclare(spec)
  }

  #newPlace(spec: PlaceSpec, storeName: string, family: string | undefined): HeldPlace {
    const store = this.stores.named(storeName)
    const place = new Place(spec, {
      clock: this.#parts.clock,
      witness: this.#parts.witness,
      list: (asking, order) => this.#read(store, asking, order),
    })
    return { place, store, family, activeAt: this.#parts.clock.now().mono, failures: 0, debounce: undefined }
  }

  #read(store: OpenStore, place: Place, order: ListingOrder): Promise<ListReply> {
    return store.queue.run(order, () => {
      const reason = order.begin()
      if (isLocked(place.view)) place.redeclare(this.#parts.renew(place.view.spec))
      const { spec } = place.view
      const previousMarks = this.#parts.marksOf(spec.place)
      return store.connection.rpc.call("list", {
        spec,
        previousMarks,
        basis: place.basis,
        thorough: reason !== "changed",
      })
    })
  }

  async #list(held: HeldPlace, reason: ListingReason): Promise<void> {
    if (this.#stopped) return
    const before = held.place.view
    await held.place.list(reason)
    const after = held.place.view
    const now = this.#parts.clock.now().mono
    const writes = (after.generation?.header.writers.length ?? 0) > 0
    if (writes || after.generation?.identities.size !== before.generation?.identities.size)
      held.activeAt = now
    held.failures = after.trouble === undefined ? 0 : held.failures + 1
    const code = after.trouble?.kind === "failed" ? after.trouble.error.code : after.trouble?.kind
    const codeBefore = before.trouble?.kind === "failed" ? before.trouble.error.code : before.trouble?.kind
    if (code === codeBefore) return
    const { place } = after.spec
    if (after.trouble === undefined) this.#parts.log.info({ place }, "repository can be read again")
    else {
      const message =
        after.trouble.kind === "failed" ? after.trouble.error.message : after.trouble.state.message
      this.#parts.log.warn({ place, code, cause: message }, "repository cannot be listed")
    }
  }

  #forget(key: string, held: HeldPlace): void {
    clearTimeout(held.debounce)
    this.#places.delete(key)
    // A thread that ended has forgotten it already.
    held.store.connection.rpc.call("forget", key).catch(() => undefined)
  }

  #changed(place: string): void {
    const held = this.#places.get(place)
    if (held === undefined || held.debounce !== undefined) return
    held.activeAt = this.#parts.clock.now().mono
    held.debounce = setTimeout(() => {
      held.debounce = undefined
      void this.#list(held, "changed")
    }, DEBOUNCE_MS)
  }

  #tick(): void {
    const now = this.#parts.clock.now()
    this.stores.tellHangs()
    for (const held of this.#places.values()) {
      const { view, busy } = held.place
      if (busy) continue
      const newest = view.trouble?.begun ?? view.generation?.begun
      const due = listingDue(this.#parts.rhythm, {
        watched: view.watched,
        sinceActive: now.mono - held.activeAt,
        failures: held.failures,
      })
      if (newest === undefined || ageOf(newest, now) >= due) void this.#list(held, "due")
    }
    for (const family of this.#families.due(now.mono, this.#parts.rhythm.activeMs))
      void this.#discover(family)
  }

  async #discover(family: FamilySpec): Promise<void> {
    const at = this.#parts.clock.now().mono
    this.#families.note(family.name, { at, trouble: this.#families.lastSearch(family.name)?.trouble })
    const store = this.stores.find(family.store)
    if (store === undefined) return
    try {
      const { root, depth } = family
      for (const path of await store.connection.rpc.call("discover", { root, depth })) {
        const spec = family.specFor(path)
        if (spec !== undefined && !this.#places.has(spec.place)) this.#hold(spec, family.store, family.name)
      }
      this.#families.note(family.name, { at, trouble: undefined })
      this.#tickSoon()
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error)
      this.#families.note(family.name, { at, trouble })
    }
  }

  #tickSoon(): void {
    setImmediate(() => {
      if (!this.#stopped) this.#tick()
    })
  }
}

const passwordCodes: ReadonlySet<string> = new Set(["password_missing", "wrong_password"])

/** Whether the password is what keeps a place from being read, or, without trouble, from being read whole. */
function isLocked({ trouble, generation }: PlaceView): boolean {
  if (trouble?.kind === "failed") return passwordCodes.has(trouble.error.code)
  return generation?.header.depth === "names"
}
