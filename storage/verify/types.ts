import type { StorageError } from "../errors.js"
import type { Snapshot } from "../repository.js"

/** `reachable`: everything is named by an index and lies in a pack that is there and long enough. `read`: it was read, too. */
export type VerifyLevel = "reachable" | "read"

/** What is wrong with something stored. */
export type DamageCode =
  /** Its pack is gone. */
  | "missing"
  /** Its pack ends before it. */
  | "truncated"
  /** No index names it. */
  | "not_indexed"
  /** Its bytes do not authenticate, or do not parse, or contradict what says how many they are. */
  | "corrupt"
  /** The disk or the network filesystem failed on it, twice. */
  | "io"
  /** It may not be read. */
  | "unreadable"
  /** An algorithm that is not known to us. */
  | "unsupported"

export interface BadBlob {
  /** The file's path in the repository; of a content that no index names the content's id. */
  readonly blob: string
  readonly code: DamageCode | "wrong_length" | "damaged_end" | "index_lost"
  /** Contents of it that snapshots need and that cannot be had. 0: nothing that is restored needs what is wrong with it. */
  readonly contents: number
}

/** A pack that no index names and that no writer of now can have left: what was in it is in no snapshot that is listed. */
export interface UnindexedPack {
  readonly blob: string
  readonly bytes: number
}

export interface DamagedSnapshotPath {
  /** As in the impact's DamagedPath. */
  readonly path: Uint8Array
  readonly code: string
}

/** What a daemon keeps of one snapshot. */
export interface VerifiedSnapshot {
  /** By its start and root it is known when its id changed. */
  readonly snapshot: Snapshot
  readonly ok: boolean
  readonly level: VerifyLevel
  /** Of a directory: nothing below it can be restored. */
  readonly damaged: readonly DamagedSnapshotPath[]
  /** How many paths are damaged besides. */
  readonly beyond: number
  /** Every code that its damage has, each once; `lost` where only that is known. */
  readonly reasons: readonly string[]
}

export interface VerifyCounts {
  /** Contents that snapshots need. */
  readonly contents: number
  /** Of these read now. */
  readonly read: number
  /** Of these read before, and remembered. */
  readonly remembered: number
  readonly bytesRead: number
  /** Level `read`: how many days ago the oldest reading was that is relied on. */
  readonly oldestReadingDays: number
  /** Directories read now. */
  readonly directories: number
  /** How often the indexes were read. */
  readonly rounds: number
}

export interface VerifyResult {
  readonly engine: "kopia" | "restic"
  readonly repositoryId: string
  readonly level: VerifyLevel
  /** Milliseconds since 1970 at the beginning: as of then it is true. */
  readonly at: number
  /** Every snapshot can be restored, and nothing is bad. */
  readonly ok: boolean
  /** In the order of the listing. */
  readonly snapshots: readonly VerifiedSnapshot[]
  readonly bad: readonly BadBlob[]
  /** How many are bad besides. */
  readonly badBeyond: number
  /** No damage by themselves: a writer that was killed leaves them, too; and so does an index blob that was lost. */
  readonly unindexed: readonly UnindexedPack[]
  readonly counts: VerifyCounts
  /** Why the indexes could not be read, when they could not. */
  readonly problem?: StorageError
}

export interface VerifyProgress {
  /** `damage`: something is lost, and it is found out what that costs. */
  readonly phase: "indexes" | "trees" | "packs" | "contents" | "damage"
  /** Directories, packs or contents that are done, and how many are known of. */
  readonly items: number
  readonly totalItems: number | undefined
  /** Bytes of packs; 0 before the last phase. */
  readonly bytes: number
  readonly totalBytes: number | undefined
}

/** Where it is kept between runs what was found whole. Losing it costs time, never an answer. */
export interface VerifyMemory {
  load(): Promise<Uint8Array | undefined>
  save(bytes: Uint8Array): Promise<void>
}

export interface VerifyOptions {
  readonly level: VerifyLevel
  readonly signal?: AbortSignal
  readonly progress?: (progress: VerifyProgress) => void
  /** Awaited between pieces of work of a second or less: it may take as long as it likes. */
  readonly pause?: () => Promise<void>
  readonly memory?: VerifyMemory
  /** What was read so long ago is read again; 30 when not said, 0 to trust nothing. */
  readonly maxAgeDays?: number
  /** Threads for reading; 0: none beside this one. As many as there are processors when not said. */
  readonly threads?: number
  /** The repository's directory, for the threads. Without it everything is read through `files` here. */
  readonly directory?: string
  /** Damaged paths that are named of one snapshot; 1,000 when not said. */
  readonly mostPaths?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}
