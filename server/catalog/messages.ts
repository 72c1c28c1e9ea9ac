import type {
  FenceRecord,
  FenceState,
  FilesystemFacts,
  Location,
  OwnershipSample,
  Space,
  StorePlaceRequest,
} from "../../storage/disk/index.js"
import type { Engine, Listing, Snapshot } from "../../storage/index.js"
import type { Moment } from "./clock.js"
import type { DirectoryMethods } from "./directory-methods.js"
import type { FilesystemSnapshotMethods } from "./filesystem-snapshot-methods.js"
import type { FoundCopy, KeepCopyRequest, KeptCopy } from "./ledger-files.js"
import type { QuotaMethods } from "./quota-methods.js"
import type { ErrorJson, Methods } from "./rpc.js"
import type { SummaryDelta } from "./summary.js"

/** One repository directory, as the reading thread has to know it. */
export interface PlaceSpec {
  /** Stable key of the place: store and path. Survives everything but a move. */
  readonly place: string
  /** Absolute path. */
  readonly directory: string
  /** Undefined: recognise it. A declared engine that is not found there is `not_a_repository`. */
  readonly engine: Engine | undefined
  /** The password's text. It crosses to a thread of this process and goes nowhere else. */
  readonly password: string | undefined
  /** Fences that must hold before and after reading: the store's, and the one of this very path once it was read. */
  readonly fences: readonly {
    readonly path: string
    readonly record: FenceRecord
    /** The declared store that it belongs to. */
    readonly store?: string | undefined
  }[]
}

export interface ListRequest {
  readonly spec: PlaceSpec
  /** Live metadata files of the last accepted listing; empty when there is none. */
  readonly previousMarks: readonly string[]
  /** The `reading` of the listing that the asker holds; undefined: none. Only on this one may a delta rest. */
  readonly basis: string | undefined
  /** False: what file events did not tell of may be believed to be as the last listing found it. */
  readonly thorough: boolean
}

/** All of a Listing but the snapshots. */
export type ListingHeader = Omit<Listing, "snapshots" | "sources" | "thorough">

interface Timed {
  /**
   * When the listing of the files began, the last one that looked at all of them: what it says is true of that moment and
   * of some after.
   */
  readonly begun: Moment
  readonly finished: Moment
}

export type ListReply =
  | (Timed & {
      readonly kind: "listed"
      readonly header: ListingHeader
      readonly delta: SummaryDelta
      /** Names this listing, for the next request's `basis`. */
      readonly reading: string
      /** True when the delta starts from nothing: the asker holds no listing, or not the last one. */
      readonly full: boolean
      /** False when file events cannot be had: the caller must list on a timer. */
      readonly watched: boolean
      /** The filesystem under the directory, taken before reading; undefined when the spec has a fence for it. */
      readonly fence: FenceRecord | undefined
    })
  | (Timed & {
      readonly kind: "failed"
      readonly error: ErrorJson
      /** Nothing lies at the place, in the sense of the first backup. */
      readonly empty: boolean
      readonly watched: boolean
    })
  | (Timed & { readonly kind: "fenced"; readonly state: Fenced })

/** A fence that does not hold. */
export type Fenced = Extract<FenceState, { kind: "fenced" }>

export interface DiscoverRequest {
  readonly root: string
  /** How many folders deep repositories lie below `root`. */
  readonly depth: number
}

export interface StoreFenceRequest {
  readonly path: string
  readonly allowRoot: boolean
  /** False where the store's directory is itself a repository. */
  readonly sentinel: boolean
  /** The store's id so far, to be kept where its sentinel is gone. */
  readonly id?: string | undefined
}

/** Where one of several directories really is, or why that cannot be told. */
export type FoundDirectory =
  | { readonly kind: "found"; readonly location: Location }
  | { readonly kind: "failed"; readonly error: ErrorJson }

export interface OwnershipRequest {
  readonly directories: readonly string[]
  /** Files and folders of each. */
  readonly most: number
}

/** What the reading thread does for the catalog. */
export interface StoreMethods extends Methods, DirectoryMethods, FilesystemSnapshotMethods, QuotaMethods {
  list(request: ListRequest): Promise<ListReply>
  snapshots(place: string): Promise<readonly Snapshot[]>
  /** Relative paths of the folders at that depth, sorted. */
  discover(request: DiscoverRequest): Promise<readonly string[]>
  fence(fences: PlaceSpec["fences"]): Promise<FenceState>
  /** One for each fence, in the same order. */
  fences(fences: PlaceSpec["fences"]): Promise<readonly FenceState[]>
  /** Remembers what is under a store's path now, and puts or adopts its sentinel. */
  takeStoreFence(request: StoreFenceRequest): Promise<FenceRecord>
  missingForStore(request: StorePlaceRequest): Promise<readonly string[]>
  makeStorePlace(request: StorePlaceRequest): Promise<readonly string[]>
  removeMade(made: readonly string[]): Promise<void>
  /** Copies of the ledger in the store at this path, the newest first. */
  findLedgerCopies(store: string): Promise<readonly FoundCopy[]>
  /** Writes nothing where the fence does not hold. */
  keepLedgerCopy(request: KeepCopyRequest): Promise<KeptCopy>
  setLedgerCopyAside(store: string): Promise<boolean>
  /** Whose these directories are; those that are not there are left out. */
  ownership(request: OwnershipRequest): Promise<readonly OwnershipSample[]>
  space(path: string): Promise<Space>
  /** What the filesystem under a store's path can do, and how it is. */
  facts(path: string): Promise<FilesystemFacts>
  /** One for each path, in the same order. */
  locate(paths: readonly string[]): Promise<readonly FoundDirectory[]>
  forget(place: string): void
}

/** What the catalog does for the reading thread. */
export interface CatalogMethods extends Methods {
  /** Something in a watched folder of the place changed. */
  changed(place: string): void
  recallKey(request: { label: string; password: string }): Promise<Uint8Array | undefined>
  /** A roll back of this name is about to exchange a directory: comes back when clients are kept out. */
  beforeExchange(run: string): Promise<void>
  rememberKey(request: { label: string; password: string; key: Uint8Array }): Promise<void>
  /** Numbers of projects: see ProjectIds. */
  takeProject(path: string): Promise<number>
  releaseProject(path: string): Promise<void>
}
