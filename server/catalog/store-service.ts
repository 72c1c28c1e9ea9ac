import { randomUUID } from "node:crypto"
import { type BlobMemory, DirectoryTree, type FileCall } from "../../storage/blobs/index.js"
import {
  askServerAnew,
  checkFence,
  type CheckOptions,
  emptinessOf,
  type FenceRecord,
  type FenceState,
  filesystemFacts,
  locate,
  type OwnershipSample,
  sampleOwnership,
  spaceAt,
  staleReadsAt,
  takeFence,
  makeStorePlace,
  missingForStore,
  removeMade,
  takeStoreFence,
} from "../../storage/disk/index.js"
import {
  type Engine,
  type KeyMemory,
  type Listing,
  openRepository,
  type Repository,
  Secret,
  StorageError,
} from "../../storage/index.js"
import { type Clock, type Moment, systemClock } from "./clock.js"
import { directoryMethods } from "./directory-methods.js"
import { filesystemSnapshotMethods } from "./filesystem-snapshot-methods.js"
import { discover } from "./discover.js"
import { FolderWatch } from "./folder-watch.js"
import { findLedgerCopies, keepLedgerCopy, setLedgerCopyAside } from "./ledger-files.js"
import type {
  CatalogMethods,
  FoundDirectory,
  ListReply,
  ListingHeader,
  ListRequest,
  PlaceSpec,
  StoreMethods,
} from "./messages.js"
import { errorToJson, type Port, Rpc } from "./rpc.js"
import { Pulse } from "./pulse.js"
import { spareMemoryAfter } from "./spare-memory.js"
import { quotaMethods } from "./quota-methods.js"
import { Summariser } from "./summary.js"

interface OpenPlace {
  readonly spec: PlaceSpec
  readonly repository: Repository
  summariser: Summariser
  listing: Listing | undefined
  /** The last listing that left this thread. Whether it was taken, only the next request's `basis` tells. */
  reading: string | undefined
  /** When the last listing began that looked at every file; undefined: the next one has to. */
  looked: Moment | undefined
  /** Files that events told of since the last listing began. */
  changed: Set<string> | "any"
}

/** Of so many changed files it is not kept which they are. */
const MOST_CHANGED = 1_000

export interface StoreServiceOptions {
  /** What is remembered of the blobs of one place. */
  readonly memoryOf: (place: string) => BlobMemory
  /** False on a network filesystem, where there are no events and watching only costs. */
  readonly events: boolean
  readonly clock?: Clock
  /** Where it is marked that this thread is in a call into the store's filesystem. */
  readonly pulse?: Pulse
}

/**
 * Everything that touches the files of one store. It runs on a thread of its own, because its file access is synchronous: a
 * hung mount stops this thread and nothing else. It serves the calls of StoreMethods on `port`.
 */
export class StoreService {
  readonly #options: StoreServiceOptions
  readonly #clock: Clock
  readonly #during: FileCall
  readonly #rpc: Rpc<CatalogMethods>
  readonly #watch: FolderWatch
  readonly #keys: KeyMemory
  readonly #open = new Map<string, OpenPlace>()
  /** st_dev of each fenced path as of its last check: tells two filesystems of equal name apart while we run. */
  readonly #devices = new Map<string, string>()

  constructor(port: Port, options: StoreServiceOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const pulse = options.pulse ?? new Pulse()
    const { during } = pulse
    this.#during = during
    const methods: StoreMethods = {
      list: (request) => this.#list(request),
      snapshots: async (place) => this.#open.get(place)?.listing?.snapshots ?? [],
      discover: (request) => discover(request, during),
      fence: async (fences) => this.#fenceOf(fences),
      fences: async (fences) => this.#statesOf(fences),
      takeStoreFence: async ({ path, ...options }) => during(() => takeStoreFence(path, options)),
      missingForStore: async (request) => during(() => missingForStore(request)),
      makeStorePlace: async (request) => during(() => makeStorePlace(request)),
      removeMade: async (made) => {
        during(() => {
          removeMade(made)
        })
      },
      findLedgerCopies: async (store) => during(() => findLedgerCopies(store)),
      keepLedgerCopy: async (request) => {
        const fence = this.#fenceOf(request.fences)
        return during(() => keepLedgerCopy(request, fence))
      },
      setLedgerCopyAside: async (store) => during(() => setLedgerCopyAside(store)),
      ownership: async ({ directories, most }) =>
        directories.flatMap((directory) => during(() => ownershipOf(directory, most))),
      space: async (path) => during(() => spaceAt(path)),
      ...directoryMethods(during, (fences) => this.#fenceOf(fences)),
      ...filesystemSnapshotMethods({
        pulse,
        fenceOf: (fences) => this.#fenceOf(fences),
        beforeExchange: (run) => this.#rpc.call("beforeExchange", run),
      }),
      ...quotaMethods(during, (fences) => this.#fenceOf(fences), {
        take: (path) => this.#rpc.call("takeProject", path),
        release: (path) => this.#rpc.call("releaseProject", path),
      }),
      facts: async (path) => during(() => filesystemFacts(path)),
      locate: async (paths) => paths.map((path) => during(() => foundAt(path))),
      forget: (place) => {
        this.#open.delete(place)
        this.#watch.drop(place)
      },
    }
    this.#rpc = new Rpc<CatalogMethods>(port, methods)
    this.#watch = new FolderWatch((place, file) => {
      this.#noteChange(place, file)
      void this.#rpc.call("changed", place)
    })
    this.#keys = {
      recall: (label, password) => this.#rpc.call("recallKey", { label, password: password.reveal() }),
      remember: (label, password, key) =>
        this.#rpc.call("rememberKey", { label, password: password.reveal(), key }),
    }
  }

  async #list({ spec, previousMarks, basis, thorough }: ListRequest): Promise<ListReply> {
    const begun = this.#clock.now()
    const timed = (): { begun: Moment; finished: Moment } => ({ begun, finished: this.#clock.now() })
    const before = this.#fenceOf(spec.fences)
    if (before.kind === "fenced") return { kind: "fenced", state: before, ...timed() }
    try {
      const stale = this.#during(() => staleReadsAt(spec.directory))
      if (stale !== undefined)
        return { kind: "fenced", state: { kind: "fenced", code: "stale_reads", ...stale }, ...timed() }
      this.#during(() => {
        askServerAnew(spec.directory)
      })
      const fence = spec.fences.some(({ path }) => path === spec.directory)
        ? undefined
        : this.#during(() => takenFence(spec))
      const place = await this.#placeFor(spec)
      // Before the listing: what changes while it runs is told, and listed once more.
      this.#watchFolders(spec, place.repository.watchedFolders())
      const believed = thorough || place.changed === "any" ? undefined : place.looked
      const changed = believed === undefined || place.changed === "any" ? undefined : [...place.changed]
      place.looked = undefined
      place.changed = new Set()
      const listing = await place.repository.list({ previousMarks, ...(changed && { changed }) })
      // The filesystem may have been unmounted while we read: what was read then is no listing of this store.
      const after = this.#fenceOf(spec.fences)
      if (after.kind === "fenced") return { kind: "fenced", state: after, ...timed() }
      const full = basis === undefined || basis !== place.reading
      if (full) place.summariser = new Summariser()
      const delta = place.summariser.delta(listing)
      place.listing = listing
      const reading = randomUUID()
      place.reading = reading
      place.looked = listing.thorough ? begun : believed
      const watched = this.#watchFolders(spec, place.repository.watchedFolders(), "after")
      if (full) spareMemoryAfter(listing.snapshotCount)
      const header = headerOf(listing)
      // What was believed is as old as the last look at it, and so is all that rests on it.
      const times = { begun: place.looked ?? begun, finished: this.#clock.now() }
      return { kind: "listed", header, delta, reading, full, watched, fence, ...times }
    } catch (error) {
      const after = this.#fenceOf(spec.fences)
      if (after.kind === "fenced") return { kind: "fenced", state: after, ...timed() }
      const nothing = error instanceof StorageError && (error.code === "empty" || error.code === "missing")
      const folders = this.#open.get(spec.place)?.repository.watchedFolders() ?? [""]
      const watched = this.#watchFolders(spec, folders, "after")
      return {
        kind: "failed",
        error: errorToJson(error),
        empty: nothing && this.#during(() => isEmpty(spec.directory)),
        watched,
        ...timed(),
      }
    }
  }

  /** The first fence that does not hold, else that all hold. */
  #fenceOf(fences: PlaceSpec["fences"]): FenceState {
    let readOnly = false
    for (const state of this.#checked(fences)) {
      if (state.kind === "fenced") return state
      readOnly ||= state.readOnly === true
    }
    return { kind: "holds", readOnly }
  }

  #statesOf(fences: PlaceSpec["fences"]): FenceState[] {
    return [...this.#checked(fences)]
  }

  *#checked(fences: PlaceSpec["fences"]): Generator<FenceState> {
    const identities: CheckOptions["identities"] = new Map()
    for (const { path, record, store } of fences) {
      const device = this.#devices.get(path)
      const state = this.#during(() => checkFence(path, record, { store, device, identities }))
      if (state.kind === "holds" && state.device !== undefined) this.#devices.set(path, state.device)
      yield state
    }
  }

  async #placeFor(spec: PlaceSpec): Promise<OpenPlace> {
    const known = this.#open.get(spec.place)
    if (known !== undefined && sameSpec(known.spec, spec)) return known
    const repository = await openRepository({
      files: new DirectoryTree(spec.directory, this.#during),
      password: spec.password === undefined ? undefined : new Secret(spec.password),
      keys: this.#keys,
      memory: this.#options.memoryOf(spec.place),
      ...(spec.engine === undefined ? {} : { engine: spec.engine satisfies Engine }),
    })
    const place = {
      spec,
      repository,
      summariser: new Summariser(),
      listing: undefined,
      reading: undefined,
      looked: undefined,
      changed: "any" as const,
    }
    this.#open.set(spec.place, place)
    return place
  }

  #noteChange(name: string, file: string | undefined): void {
    const place = this.#open.get(name)
    if (place === undefined || place.changed === "any") return
    if (file === undefined || place.changed.size >= MOST_CHANGED) place.changed = "any"
    else place.changed.add(file)
  }

  /** Whether every change of these folders is told from now on. */
  #watchFolders(
    spec: PlaceSpec,
    folders: readonly string[],
    listing: "before" | "after" = "before",
  ): boolean {
    if (!this.#options.events) return false
    const { added, complete } = this.#during(() => this.#watch.set(spec.place, spec.directory, folders))
    if (added > 0 || !complete) this.#noteChange(spec.place, undefined)
    // What landed between the listing and the watch had no witness: one more listing sees it.
    if (added > 0 && listing === "after") void this.#rpc.call("changed", spec.place)
    return complete
  }
}

function headerOf(listing: Listing): ListingHeader {
  const { engine, repositoryId, fingerprint, formatVersion, depth } = listing
  const { snapshotCount, writers, notices, marks } = listing
  return {
    engine,
    repositoryId,
    fingerprint,
    formatVersion,
    depth,
    snapshotCount,
    writers,
    notices,
    marks,
  }
}

function sameSpec(one: PlaceSpec, other: PlaceSpec): boolean {
  return one.directory === other.directory && one.engine === other.engine && one.password === other.password
}

/** The filesystem under a repository's directory; undefined while there is no such directory. */
function takenFence({ directory }: PlaceSpec): FenceRecord | undefined {
  try {
    return takeFence(directory)
  } catch (error) {
    if (error instanceof StorageError && error.code === "missing") return undefined
    throw error
  }
}

function ownershipOf(directory: string, most: number): OwnershipSample[] {
  try {
    return [sampleOwnership(directory, most)]
  } catch (error) {
    // Its listing says what is wrong.
    if (error instanceof StorageError) return []
    throw error
  }
}

function foundAt(path: string): FoundDirectory {
  try {
    return { kind: "found", location: locate(path) }
  } catch (error) {
    if (error instanceof StorageError) return { kind: "failed", error: errorToJson(error) }
    throw error
  }
}

function isEmpty(directory: string): boolean {
  const { kind } = emptinessOf(directory)
  return kind === "empty" || kind === "missing"
}
