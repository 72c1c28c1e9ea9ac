import type { EntryKind } from "../contents.js"
import type { Snapshot, SnapshotSource } from "../repository.js"
import type { StorageErrorCode } from "../errors.js"

/** `lost`: something that it consists of is lost. Else why it could not be told: what reading it failed with. */
export type DamageReason = "lost" | StorageErrorCode

/** Something in a snapshot that cannot be restored whole. Of a directory: what is in it is unknown, and none of it can be restored. */
export interface DamagedPath {
  /** Names from the root on with "/" between them; empty for the root itself, also where a snapshot is of a single file. */
  readonly path: Uint8Array
  readonly kind: EntryKind
  readonly reason: DamageReason
}

/** What one snapshot loses. */
export interface SnapshotImpact {
  readonly snapshot: Snapshot
  /** The snapshot itself is lost, whatever of its tree is left. Then `paths` is empty. */
  readonly gone: boolean
  /** False: some directory of it, perhaps its root, cannot be read; below that anything may be missing. */
  readonly walked: boolean
  /** In the order of the tree. */
  readonly paths: readonly DamagedPath[]
  /** How many there are besides `paths`. 2³² - 1 stands for so many or more. */
  readonly beyond: number
}

/** What one source loses, and from what it can still be restored. */
export interface SourceImpact {
  readonly source: SnapshotSource
  /** Of how many of its snapshots something is lost. */
  readonly damaged: number
  readonly snapshots: number
  /** The one that began last, which a restore takes when nothing else is asked of it. */
  readonly newest: Snapshot
  /** The newest complete one that loses nothing. */
  readonly newestGood: Snapshot | undefined
}

export interface Impact {
  /** Those that lose something, in the order in which they were given. */
  readonly snapshots: readonly SnapshotImpact[]
  /** Those of which a snapshot loses something, in the order of their first one. */
  readonly sources: readonly SourceImpact[]
  /** How many directories were read, each once however many snapshots have it. */
  readonly directories: number
}

export interface ImpactOptions {
  readonly signal?: AbortSignal
  /** Directories read, and known of so far. */
  readonly progress?: (read: number, known: number) => void
  /** Ids of snapshots that are lost themselves: their trees are not walked. */
  readonly gone?: ReadonlySet<string>
  /** Paths named of one snapshot; 1,000 when not said. */
  readonly most?: number
  /** Paths named of all snapshots together; 100,000 when not said. */
  readonly mostInAll?: number
}
