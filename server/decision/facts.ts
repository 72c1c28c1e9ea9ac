import type { StorageErrorCode } from "../../storage/errors.js"
import type { Instant } from "../../storage/instant.js"
import type { Engine } from "../../storage/repository.js"

/** Nobody has looked yet. It is never taken for a good answer. */
export interface NotMeasured {
  readonly kind: "not_measured"
}
export const NOT_MEASURED: NotMeasured = { kind: "not_measured" }

/** Something the administrator can read and do. */
export interface Explanation {
  readonly message: string
  readonly hint?: string
}

/** The fence of the very path that the repository lies in (design 5.4). `lent`: drop-in, where no sentinel may be written. */
export type FenceFact =
  | NotMeasured
  | { readonly kind: "holds" }
  | { readonly kind: "lent" }
  | ({ readonly kind: "broken"; readonly store: string } & Explanation)

export interface ListingFailure extends Explanation {
  readonly code: StorageErrorCode
  /** When the look began that failed; milliseconds of the monotonic clock. */
  readonly begunAt: number
}

export type ListingFact =
  | NotMeasured
  | ({ readonly kind: "failed" } & ListingFailure)
  | {
      readonly kind: "listed"
      /** Milliseconds of the monotonic clock, comparable with `requestedAt`. */
      readonly begunAt: number
      /** The larger of what the wall clock and the monotonic clock say; infinite after the wall clock jumped. */
      readonly ageMs: number
      /** `names`: restic without its password. */
      readonly depth: "contents" | "names"
      /** A later look that failed while this listing was kept. */
      readonly laterFailure?: ListingFailure
    }

export type PinFact =
  | NotMeasured
  | { readonly kind: "matches" }
  | { readonly kind: "changed"; readonly pinned: string; readonly found: string }
  | { readonly kind: "second_repository"; readonly places: readonly string[] }

/** Whether another volume may write to the identity that the mover looks up for this one. */
export type SharingFact =
  | NotMeasured
  | { readonly kind: "alone" }
  | {
      readonly kind: "shared"
      /** `altered`: a dot was dropped; `cut`: longer than 50; `claimed`: a known volume has it too; `alternating`: histories. */
      readonly why: "altered" | "cut" | "claimed" | "alternating" | "one_repository"
      /** Volumes known to share it, as `namespace/pvc`; may be empty. */
      readonly with: readonly string[]
    }

export type DamageFact =
  | NotMeasured
  | { readonly kind: "sound"; readonly checkedAt: Instant }
  | {
      readonly kind: "damaged"
      readonly reasons: readonly string[]
      /** How many of its files and folders; undefined: not counted. */
      readonly paths?: number | undefined
    }

/** The newest complete snapshot of the looked-up identity that is not known to be damaged. */
export interface SoundSnapshot {
  readonly id: string
  readonly start: Instant
  /** The deepest that was proven of it; undefined: nothing yet. */
  readonly proven?: { readonly level: string; readonly at: Instant } | undefined
}

export interface SnapshotFact {
  /** The engine's own id. */
  readonly id: string
  readonly start: Instant
  /** Undefined means complete; else the engine's own word. */
  readonly incomplete: string | undefined
  /** Whether its identity and path are exactly the looked-up ones (restic: paths are exactly `/data`). */
  readonly exact: boolean
  /** What it is of, in the engine's words, for messages. */
  readonly of: string
  readonly bytes: number | undefined
  readonly files: number | undefined
  readonly damage: DamageFact
}

/**
 * What the mover's own list command would give it. More than one candidate: they began in the same second, and which one is
 * taken cannot be foretold.
 */
export type PickFact =
  | NotMeasured
  | { readonly kind: "nothing" }
  | { readonly kind: "snapshot"; readonly candidates: readonly [SnapshotFact, ...SnapshotFact[]] }

/** Snapshots of the looked-up identity itself, for the evidence and the hints. */
export interface HistoryFact {
  readonly snapshots: number
  readonly complete: number
  readonly newestComplete: Instant | undefined
  /** Undefined: there is none. */
  readonly newestSound: SoundSnapshot | undefined
  readonly oldest: Instant | undefined
}

/** Snapshots of this volume under another name than the mover looks up. */
export interface HeldElsewhere {
  readonly identity: string
  /** `written`: this name is written but another is read; `earlier`: a further convention; `mapped`: by an administrator. */
  readonly why: "written" | "earlier" | "mapped"
  readonly snapshots: number
}

export interface SimilarIdentity {
  readonly identity: string
  readonly why: string
}

export type LedgerFact =
  | NotMeasured
  | { readonly kind: "never_seen" }
  | { readonly kind: "newest_present" }
  /** The newest complete snapshot that the ledger knows is not there, nor a newer one. */
  | { readonly kind: "newest_gone"; readonly identity: string; readonly start: Instant }

/** What our own recorded retention or an administrator's recorded deletion explains of the ledger's loss. */
export type RetentionFact =
  | NotMeasured
  | { readonly kind: "explains_loss"; readonly run: string }
  | { readonly kind: "explains_nothing" }

export type RunningFact =
  | NotMeasured
  | { readonly kind: "none" }
  | { readonly kind: "running"; readonly writer: string; readonly lastSeen: Instant }

/** Of a place in which no repository is (design 5.2, the first backup). */
export type FirstBackupFact =
  | NotMeasured
  | {
      readonly kind: "looked"
      /** When the look at the place began; milliseconds of the monotonic clock. */
      readonly begunAt: number
      readonly empty: boolean
      /** `new: true`, valid for this store id, filesystem and path and no other. */
      readonly declaredNew: boolean
      /** What ledger and pins ever saw at this place; undefined: nothing. */
      readonly everSeen: string | undefined
    }

/** Anomalies that an administrator set to hold decisions back for this volume. */
export type FindingsFact =
  | NotMeasured
  | {
      readonly kind: "looked"
      readonly blocking: readonly { readonly code: string; readonly message: string }[]
    }

/** Everything known of one repository with regard to one volume. */
export interface RepositoryFacts {
  readonly name: string
  readonly engine: Engine
  /** Directory or bucket, for messages. */
  readonly place: string
  /** Of a repository in a tree of one per volume: its directory, relative to the store. Undefined otherwise. */
  readonly pathInStore: string | undefined
  /** One repository for each volume. Without a password, only then does a name say which volume it is of. */
  readonly perVolume: boolean
  readonly fence: FenceFact
  readonly listing: ListingFact
  readonly pin: PinFact
  /** restic without its password: every snapshot file's SHA-256 is its name, and a key is there. */
  readonly namesProven:
    NotMeasured | { readonly kind: "proven" } | { readonly kind: "unproven"; readonly what: string }
  /** What the mover looks up: `user@host:path`; for restic `namespace/pvc/`. */
  readonly lookup: string
  readonly sharing: SharingFact
  readonly pick: PickFact
  readonly history: HistoryFact
  readonly elsewhere: NotMeasured | { readonly kind: "looked"; readonly held: readonly HeldElsewhere[] }
  readonly similar: NotMeasured | { readonly kind: "looked"; readonly found: readonly SimilarIdentity[] }
  /** Whether the repository's snapshots are such as its conventions describe. `nothing_there`: no snapshot at all. */
  readonly conventions: NotMeasured | { readonly kind: "match" | "match_none" | "nothing_there" }
  readonly ledger: LedgerFact
  readonly retention: RetentionFact
  readonly running: RunningFact
  readonly firstBackup: FirstBackupFact
  readonly findings: FindingsFact
  /** Age of the oldest complete snapshot of any volume in it; undefined: none. */
  readonly oldestCompleteAgeMs: number | undefined
}

export type ClusterFact =
  | { readonly kind: "certain"; readonly name: string }
  | { readonly kind: "unclear"; readonly message: string; readonly hint: string }

export type RestoreFact =
  | { readonly kind: "repository"; readonly facts: RepositoryFacts }
  | { readonly kind: "none"; readonly message: string; readonly hint: string }

/** Whether pins and ledger outlive the process (drop-in may run without a volume). */
export type StateFact =
  | NotMeasured
  | { readonly kind: "lasts" }
  | { readonly kind: "does_not_last"; readonly directory: string; readonly why: string }

export type FreshOnceFact =
  | { readonly kind: "not_granted" }
  | { readonly kind: "granted"; readonly by: string; readonly until: Instant }

/** When this volume's newest restored or verified proof was taken; evidence only. */
export type ProofFact =
  | NotMeasured
  | { readonly kind: "never" }
  | { readonly kind: "at"; readonly time: Instant; readonly ok: boolean }

export interface VolumeFact {
  readonly namespace: string
  readonly pvc: string
}

/** All that a decision rests on. Times without a unit in the name are monotonic milliseconds or Instants, as typed. */
export interface DecisionFacts {
  readonly volume: VolumeFact
  readonly cluster: ClusterFact
  /** When the request arrived; milliseconds of the monotonic clock. */
  readonly requestedAt: number
  readonly restore: RestoreFact
  readonly guards: readonly RepositoryFacts[]
  readonly state: StateFact
  readonly freshOnce: FreshOnceFact
  readonly verified: ProofFact
  readonly drilled: ProofFact
}
