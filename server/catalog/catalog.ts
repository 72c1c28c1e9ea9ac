import type { FenceRecord, FenceState, OwnershipSample, Space } from "../../storage/disk/index.js"
import { type KeyMemory, Secret, type Snapshot, StorageError } from "../../storage/index.js"
import { ageOf, type Clock } from "./clock.js"
import type { FoundCopy, KeptCopy } from "./ledger-files.js"
import type { CatalogMethods, ListReply, OwnershipRequest, PlaceSpec, StoreFenceRequest } from "./messages.js"
import { type ListingReason, Place, type PlaceView, type Witness } from "./place.js"
import { type Hang, hangOf } from "./pulse.js"
import { listingDue, type ListingRhythm } from "./rhythm.js"
import type { StoreConnection } from "./store-thread.js"
import { WorkQueue } from "./work-queue.js"

/** A store, or a directory that we were only lent: whatever is read by one thread. */
export interface StoreSpec {
  readonly name: string
  /** Absolute path. */
  readonly path: string
  /** False on a network filesystem: it tells nobody what other machines change. */
  readonly events: boolean
}

/** Repositories that are found by looking: one per volume, at a fixed depth below a folder. */
export interface FamilySpec {
  readonly name: string
  readonly store: string
  /** Absolute path of the folder that the template's fixed part names. */
  readonly root: string
  readonly depth: number
  /** Undefined for folders that the template cannot have made. */
  readonly specFor: (relativePath: string) => PlaceSpec | undefined
}

export interface CatalogSpec {
  readonly stores: readonly StoreSpec[]
  readonly places: readonly (PlaceSpec & { readonly store: string })[]
  readonly families: readonly FamilySpec[]
}

export interface CatalogParts {
  readonly clock: Clock
  readonly connect: (
    store: StoreSpec,
    methods: CatalogMethods,
    died: (error: Error) => void,
  ) => StoreConnection
  readonly keys: KeyMemory
  readonly witness: Witness
  /** The spec with its password read again: somebody may have put the right one in place meanwhile. */
  readonly renew: (spec: PlaceSpec) => PlaceSpec
  /** Live metadata files of the last accepted listing of a place. */
  readonly marksOf: (place: string) => readonly string[]
  readonly rhythm: ListingRhythm
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

interface OpenStore {
  readonly spec: StoreSpec
  readonly queue: WorkQueue
  connection: StoreConnection
  /** The log was told that it hangs. */
  hangs: boolean
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
/** A thread that ended sooner than this after its start is started again after as long. */
const RESTART_MS = 1_000
/** Readings of one store that may run at once: they mostly wait for key stretching. */
const WIDTH = 4

/** What is in every repository now: one view per place, kept up to date by events, timers and questions. */
export class Catalog {
  readonly #parts: CatalogParts
  readonly #stores = new Map<string, OpenStore>()
  readonly #places = new Map<string, HeldPlace>()
  readonly #asked = new Map<string, Promise<PlaceView>>()
  #families: readonly FamilySpec[] = []
  #timer: NodeJS.Timeout | undefined
  #discovered = new Map<string, { at: number; trouble: string | undefined }>()
  #stopped = false

  constructor(parts: CatalogParts) {
    this.#parts = parts
  }

  /** Takes over a new declaration: opens what is new, forgets what is gone, keeps what stayed. */
  declare(spec: CatalogSpec): void {
    for (const store of spec.stores) this.#openStore(store)
    this.#families = spec.families
    const kept = new Set(spec.places.map(({ place }) => place))
    for (const [key, held] of this.#places) {
      const family = this.#families.find(({ name }) => name === held.family)
      const again = family?.specFor(relativeTo(family.root, held.place.view.spec.directory))
      if (again !== undefined && again.place === key) held.place.redeclare(again)
      else if (!kept.has(key)) this.#forget(key, held)
    }
    for (const { store, ...place } of spec.places) this.#hold(place, store, undefined)
    this.#discovered = new Map()
    for (const [name, store] of this.#stores) {
      if (!spec.stores.some((wanted) => wanted.name === name)) {
        this.#stores.delete(name)
        void store.connection.close()
      }
    }
    this.#timer ??= setInterval(() => {
      this.#tick()
    }, TICK_MS).unref()
    this.#tick()
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
  discovery(family: string): { at: number; trouble: string | undefined } | undefined {
    return this.#discovered.get(family)
  }

  /**
   * The view after a listing that begins after this call. A place that nobody holds is looked at and forgotten again,
   * unless a repository was found there: names are asked for that never had one. Where the store hangs, the view says so at
   * once, and nobody is added to those who wait.
   */
  async listNow(spec: PlaceSpec, store: string, family?: string): Promise<PlaceView> {
    const held = this.#places.get(spec.place)
    const hang = this.hang(store)
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

  /** Whether a call into the store's filesystem does not come back. Waits for nothing. */
  hang(store: string): Hang | undefined {
    const open = this.#stores.get(store)
    return open && hangOf(`store "${store}"`, open.connection.pulse, this.#parts.clock.now())
  }

  /** The snapshots of a place as of its newest generation, oldest first. */
  async snapshots(place: string): Promise<readonly Snapshot[]> {
    const held = this.#places.get(place)
    if (held === undefined) throw new StorageError("missing", "no such repository", { facts: { place } })
    return held.store.connection.rpc.call("snapshots", place)
  }

  /** Whether these fences of a store hold now. */
  async checkFence(store: string, fences: PlaceSpec["fences"]): Promise<FenceState> {
    return this.#storeNamed(store).connection.rpc.call("fence", fences)
  }

  /** Remembers what is under a store's path now, and puts its sentinel there. */
  async takeStoreFence(store: string, request: StoreFenceRequest): Promise<FenceRecord> {
    return this.#storeNamed(store).connection.rpc.call("takeStoreFence", request)
  }

  /** Copies of the ledger in the store's own folder, the newest first. */
  async findLedgerCopies(store: string): Promise<readonly FoundCopy[]> {
    const { connection, spec } = this.#storeNamed(store)
    return connection.rpc.call("findLedgerCopies", spec.path)
  }

  /** Puts a copy of the ledger there, where the fence holds. Throws StorageError. */
  async keepLedgerCopy(store: string, fences: PlaceSpec["fences"], bytes: Uint8Array): Promise<KeptCopy> {
    const { connection, spec } = this.#storeNamed(store)
    return connection.rpc.call("keepLedgerCopy", { store: spec.path, fences, bytes })
  }

  /** Moves a copy that is not believed out of the way. False when it stays where it is. */
  async setLedgerCopyAside(store: string): Promise<boolean> {
    const { connection, spec } = this.#storeNamed(store)
    return connection.rpc.call("setLedgerCopyAside", spec.path)
  }

  /** Whose directories of a store are; those that are not there are left out. */
  async ownership(store: string, request: OwnershipRequest): Promise<readonly OwnershipSample[]> {
    return this.#storeNamed(store).connection.rpc.call("ownership", request)
  }

  async space(store: string): Promise<Space> {
    const { connection, spec } = this.#storeNamed(store)
    return connection.rpc.call("space", spec.path)
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
    const ended = await Promise.all([...this.#stores.values()].map(({ connection }) => connection.close()))
    return ended.every(Boolean)
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
    const store = this.#storeNamed(storeName)
    const place = new Place(spec, {
      clock: this.#parts.clock,
      witness: this.#parts.witness,
      list: (asking, reason) => this.#read(store, asking, reason),
    })
    return { place, store, family, activeAt: this.#parts.clock.now().mono, failures: 0, debounce: undefined }
  }

  #read(store: OpenStore, place: Place, reason: ListingReason): Promise<ListReply> {
    return store.queue.run(reason === "asked", () => {
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

  #storeNamed(name: string): OpenStore {
    const store = this.#stores.get(name)
    if (store === undefined) throw new RangeError(`no store is called ${name}`)
    return store
  }

  /** Opens a store's thread before the store is declared: its filesystem is looked at there and nowhere else. */
  openStore(spec: StoreSpec): void {
    this.#openStore(spec)
  }

  #openStore(spec: StoreSpec): void {
    const known = this.#stores.get(spec.name)
    if (known !== undefined && known.spec.path === spec.path && known.spec.events === spec.events) return
    if (known !== undefined) {
      for (const [key, held] of this.#places) if (held.store === known) this.#places.delete(key)
      void known.connection.close()
    }
    const methods: CatalogMethods = {
      recallKey: ({ label, password }) => this.#parts.keys.recall(label, new Secret(password)),
      rememberKey: ({ label, password, key }) => this.#parts.keys.remember(label, new Secret(password), key),
      changed: (place) => {
        this.#changed(place)
      },
    }
    const connect = (): StoreConnection => {
      const startedAt = this.#parts.clock.now().mono
      return this.#parts.connect(spec, methods, (error) => {
        this.#parts.log.warn(
          { store: spec.name, err: error },
          "the thread that reads a store ended; starting another",
        )
        const restart = (): void => {
          const store = this.#stores.get(spec.name)
          if (store?.spec === spec && !this.#stopped) store.connection = connect()
        }
        // One that cannot even start must not be started all the time.
        if (this.#parts.clock.now().mono - startedAt >= RESTART_MS) restart()
        else setTimeout(restart, RESTART_MS).unref()
      })
    }
    this.#stores.set(spec.name, { spec, queue: new WorkQueue(WIDTH), connection: connect(), hangs: false })
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
    this.#tellHangs()
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
    for (const family of this.#families) {
      const last = this.#discovered.get(family.name)
      if (last === undefined || now.mono - last.at >= this.#parts.rhythm.activeMs) void this.#discover(family)
    }
  }

  async #discover(family: FamilySpec): Promise<void> {
    const at = this.#parts.clock.now().mono
    this.#discovered.set(family.name, { at, trouble: this.#discovered.get(family.name)?.trouble })
    const store = this.#stores.get(family.store)
    if (store === undefined) return
    try {
      const { root, depth } = family
      for (const path of await store.connection.rpc.call("discover", { root, depth })) {
        const spec = family.specFor(path)
        if (spec !== undefined && !this.#places.has(spec.place)) this.#hold(spec, family.store, family.name)
      }
      this.#discovered.set(family.name, { at, trouble: undefined })
      this.#tickSoon()
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error)
      this.#discovered.set(family.name, { at, trouble })
    }
  }

  #tellHangs(): void {
    for (const [name, store] of this.#stores) {
      const hang = this.hang(name)
      if (store.hangs === (hang !== undefined)) continue
      store.hangs = hang !== undefined
      if (hang === undefined) this.#parts.log.info({ store: name }, "the store's filesystem answers again")
      else this.#parts.log.warn({ store: name, since: new Date(hang.since) }, hang.message)
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

function relativeTo(root: string, directory: string): string {
  return directory.startsWith(`${root}/`) ? directory.slice(root.length + 1) : ""
}
