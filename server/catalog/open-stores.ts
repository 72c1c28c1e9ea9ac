import type {
  FenceRecord,
  FenceState,
  FilesystemFacts,
  OwnershipSample,
  ProjectIds,
  Space,
  StorePlaceRequest,
} from "../../storage/disk/index.js"
import { type KeyMemory, Secret, StorageError } from "../../storage/index.js"
import type { Clock } from "./clock.js"
import type { DirectoryMethods } from "./directory-methods.js"
import type { FilesystemSnapshotMethods } from "./filesystem-snapshot-methods.js"
import type { FoundCopy, KeptCopy } from "./ledger-files.js"
import type {
  CatalogMethods,
  DiscoverRequest,
  FoundDirectory,
  OwnershipRequest,
  PlaceSpec,
  StoreFenceRequest,
} from "./messages.js"
import type { QuotaMethods } from "./quota-methods.js"
import { type Hang, hangOf } from "./pulse.js"
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

/** What is done to directories of a store at somebody's request. */
export type StoreWork = DirectoryMethods & QuotaMethods

export interface OpenStore {
  readonly spec: StoreSpec
  readonly queue: WorkQueue
  connection: StoreConnection
  /** The log was told that it hangs. */
  hangs: boolean
}

export interface OpenStoresParts {
  readonly clock: Clock
  readonly connect: (
    store: StoreSpec,
    methods: CatalogMethods,
    died: (error: Error) => void,
  ) => StoreConnection
  readonly keys: KeyMemory
  readonly projects: ProjectIds
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  /** Something in a watched folder of a place changed. */
  readonly changed: (place: string) => void
}

/** A thread that ended sooner than this after its start is started again after as long. */
const RESTART_MS = 1_000
/** Readings of one store that may run at once: they mostly wait for key stretching. */
const WIDTH = 4

/** The stores that are open, each with the thread that alone touches its filesystem, so that one that hangs stalls only itself. */
export class OpenStores {
  readonly #parts: OpenStoresParts
  readonly #stores = new Map<string, OpenStore>()
  readonly #beforeExchange = new Map<string, () => Promise<void>>()
  #stopped = false

  constructor(parts: OpenStoresParts) {
    this.#parts = parts
  }

  /**
   * Opens a store, also before it is declared: its filesystem is looked at in its thread and nowhere else. One that is open
   * stays so; one of that name that is elsewhere now is closed, and returned.
   */
  open(spec: StoreSpec): OpenStore | undefined {
    const known = this.#stores.get(spec.name)
    if (known !== undefined && known.spec.path === spec.path && known.spec.events === spec.events)
      return undefined
    void known?.connection.close()
    this.#stores.set(spec.name, {
      spec,
      queue: new WorkQueue(WIDTH),
      connection: this.#connect(spec),
      hangs: false,
    })
    return known
  }

  /** Closes those that are not among these. */
  keepOnly(wanted: readonly StoreSpec[]): void {
    const names = new Set(wanted.map(({ name }) => name))
    for (const [name, store] of this.#stores) {
      if (names.has(name)) continue
      this.#stores.delete(name)
      void store.connection.close()
    }
  }

  /** Throws RangeError for one that is not open. */
  named(name: string): OpenStore {
    const store = this.#stores.get(name)
    if (store === undefined) throw new RangeError(`no store is called ${name}`)
    return store
  }

  find(name: string): OpenStore | undefined {
    return this.#stores.get(name)
  }

  /** Whether a call into the store's filesystem does not come back. Waits for nothing. */
  hang(name: string): Hang | undefined {
    const store = this.#stores.get(name)
    return store && hangOf(`store "${name}"`, store.connection.pulse, this.#parts.clock.now())
  }

  /** Tells the log of each store once that it hangs, and once that it answers again. */
  tellHangs(): void {
    for (const [name, store] of this.#stores) {
      const hang = this.hang(name)
      if (store.hangs === (hang !== undefined)) continue
      store.hangs = hang !== undefined
      if (hang === undefined) this.#parts.log.info({ store: name }, "the store's filesystem answers again")
      else this.#parts.log.warn({ store: name, since: new Date(hang.since) }, hang.message)
    }
  }

  /** Whether these fences of a store hold now. */
  async checkFence(store: string, fences: PlaceSpec["fences"]): Promise<FenceState> {
    return this.named(store).connection.rpc.call("fence", fences)
  }

  /** The same for each of them, in the same order. */
  async checkFences(store: string, fences: PlaceSpec["fences"]): Promise<readonly FenceState[]> {
    return this.named(store).connection.rpc.call("fences", fences)
  }

  /** Remembers what is under a store's path now, and puts its sentinel there. */
  async takeFence(store: string, request: StoreFenceRequest): Promise<FenceRecord> {
    return this.named(store).connection.rpc.call("takeStoreFence", request)
  }

  /** See storage/disk/store-place.ts. The store need not be declared, only open. */
  async missingForStore(store: string, request: StorePlaceRequest): Promise<readonly string[]> {
    return this.named(store).connection.rpc.call("missingForStore", request)
  }

  async makeStorePlace(store: string, request: StorePlaceRequest): Promise<readonly string[]> {
    return this.named(store).connection.rpc.call("makeStorePlace", request)
  }

  async removeMade(store: string, made: readonly string[]): Promise<void> {
    await this.named(store).connection.rpc.call("removeMade", made)
  }

  /** Copies of the ledger in the store's own folder, the newest first. */
  async findLedgerCopies(store: string): Promise<readonly FoundCopy[]> {
    const { connection, spec } = this.named(store)
    return connection.rpc.call("findLedgerCopies", spec.path)
  }

  /** Puts a copy of the ledger there, where the fence holds. Throws StorageError. */
  async keepLedgerCopy(store: string, fences: PlaceSpec["fences"], bytes: Uint8Array): Promise<KeptCopy> {
    const { connection, spec } = this.named(store)
    return connection.rpc.call("keepLedgerCopy", { store: spec.path, fences, bytes })
  }

  /** Moves a copy that is not believed out of the way. False when it stays where it is. */
  async setLedgerCopyAside(store: string): Promise<boolean> {
    const { connection, spec } = this.named(store)
    return connection.rpc.call("setLedgerCopyAside", spec.path)
  }

  /** Whose directories of a store are; those that are not there are left out. */
  async ownership(store: string, request: OwnershipRequest): Promise<readonly OwnershipSample[]> {
    return this.named(store).connection.rpc.call("ownership", request)
  }

  async space(store: string): Promise<Space> {
    const { connection, spec } = this.named(store)
    return connection.rpc.call("space", spec.path)
  }

  /** What the filesystem of a store can do, and how it is. Throws StorageError. */
  async facts(store: string): Promise<FilesystemFacts> {
    const { connection, spec } = this.named(store)
    return connection.rpc.call("facts", spec.path)
  }

  /** Where directories of a store really are: one for each path, in the same order. */
  async locate(store: string, paths: readonly string[]): Promise<readonly FoundDirectory[]> {
    return this.named(store).connection.rpc.call("locate", paths)
  }

  /** Relative paths of the folders at a depth below a directory of a store, sorted. Throws StorageError. */
  async discover(store: string, request: DiscoverRequest): Promise<readonly string[]> {
    return this.named(store).connection.rpc.call("discover", request)
  }

  /** Has the store's thread do something with its directories. Throws StorageError. */
  directories<Name extends keyof StoreWork>(
    store: string,
    method: Name,
    argument: Parameters<StoreWork[Name]>[0],
  ): Promise<Awaited<ReturnType<StoreWork[Name]>>> {
    return this.named(store).connection.rpc.call(method, argument)
  }

  /** Has the store's thread do something with its filesystem snapshots. Throws StorageError. */
  filesystemSnapshots<Name extends keyof FilesystemSnapshotMethods>(
    store: string,
    method: Name,
    argument: Parameters<FilesystemSnapshotMethods[Name]>[0],
  ): Promise<Awaited<ReturnType<FilesystemSnapshotMethods[Name]>>> {
    return this.named(store).connection.rpc.call(method, argument)
  }

  /** While `work` lasts, a roll back that is called `run` waits for `ready` before it exchanges a directory. */
  async withExchange<T>(run: string, ready: () => Promise<void>, work: () => Promise<T>): Promise<T> {
    this.#beforeExchange.set(run, ready)
    try {
      return await work()
    } finally {
      this.#beforeExchange.delete(run)
    }
  }

  /** False when a thread hangs on a mount and is left behind. */
  async stop(): Promise<boolean> {
    this.#stopped = true
    const ended = await Promise.all([...this.#stores.values()].map(({ connection }) => connection.close()))
    return ended.every(Boolean)
  }

  #connect(spec: StoreSpec): StoreConnection {
    const { clock, connect, keys, log, changed, projects } = this.#parts
    const methods: CatalogMethods = {
      recallKey: ({ label, password }) => keys.recall(label, new Secret(password)),
      rememberKey: ({ label, password, key }) => keys.remember(label, new Secret(password), key),
      beforeExchange: async (run) => this.#beforeExchange.get(run)?.(),
      changed,
      takeProject: (path) => kept(() => projects.take(path)),
      releaseProject: (path) => kept(() => projects.release(path)),
    }
    const startedAt = clock.now().mono
    return connect(spec, methods, (error) => {
      log.warn({ store: spec.name, err: error }, "the thread that reads a store ended; starting another")
      const restart = (): void => {
        const store = this.#stores.get(spec.name)
        if (store?.spec === spec && !this.#stopped) store.connection = this.#connect(spec)
      }
      // One that cannot even start must not be started all the time.
      if (clock.now().mono - startedAt >= RESTART_MS) restart()
      else setTimeout(restart, RESTART_MS).unref()
    })
  }
}

/** That something could not be kept in the state is told as what it is, across threads too. */
async function kept<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !("hint" in error) || typeof error.hint !== "string") throw error
    throw new StorageError("io", error.message, { hint: error.hint, cause: error })
  }
}
