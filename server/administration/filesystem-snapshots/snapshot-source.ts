import type { FilesystemSnapshot } from "../../../storage/disk/index.js"
import type { MadeSnapshot } from "../../catalog/index.js"

/** What filesystem snapshots are made of: a subvolume, a dataset or a shared folder. */
export interface SourceTree {
  /** A subvolume or dataset relative to the store, "." for what the store lies in; a NAS system's own name. */
  readonly of: string
  readonly possible: boolean
  /** Why not, and what would help. */
  readonly message: string | undefined
  readonly hint: string | undefined
  readonly notices: readonly string[]
  /** The newest first. */
  readonly snapshots: readonly FilesystemSnapshot[]
}

/** One of a store's, by what it is of and its name. */
export interface SnapshotName {
  readonly of: string
  readonly name: string
}

export interface WantedSnapshot {
  readonly reason: string
  readonly hold?: string
  readonly now: Date
}

export interface SourceLook {
  /** btrfs, zfs, truenas, synology; undefined where nothing makes them. */
  readonly by: string | undefined
  readonly trees: readonly SourceTree[]
}

/** The filesystem snapshots of one store, whoever makes them. All but `look` do nothing where the store is fenced. All throw StorageError. */
export interface SnapshotSource {
  look(): Promise<SourceLook>
  make(wanted: WantedSnapshot): Promise<readonly MadeSnapshot[]>
  hold(snapshot: SnapshotName, holder: string): Promise<void>
  release(snapshot: SnapshotName, holder: string): Promise<void>
  remove(snapshot: SnapshotName): Promise<void>
  /** For reading it in the store's thread: where it is shown, if a NAS system made it. */
  shownAt(snapshot: SnapshotName): Promise<string | undefined>
}
