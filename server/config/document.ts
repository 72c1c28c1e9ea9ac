import type { AnomalyCode } from "../anomalies/codes.js"
import type { QuietHours } from "../jobs/quiet-hours.js"

/** What an administrator declares: one YAML document (design §4). Every entry is known by its name. */
export interface Document {
  readonly stores: readonly StoreEntry[]
  readonly clusters: readonly ClusterEntry[]
  readonly repositories: readonly RepositoryEntry[]
  readonly exports: readonly ExportEntry[]
  /** Undefined: the one that is found on this machine. */
  readonly nfsServer: NfsServerEntry | undefined
  /** When jobs run where their own schedules are not right. */
  readonly schedules: readonly ScheduleEntry[]
  /** Undefined: work may be done at any time. */
  readonly quietHours: QuietHours | undefined
  /** How the daemon's scrubs read where a repository does not say otherwise. Undefined: as usual. */
  readonly scrub: ScrubEntry | undefined
  /** Undefined: as is usual (docs/restoring.md). */
  readonly drills: DrillsEntry | undefined
}

/** What is left out is as usual (docs/scrubbing.md). */
export interface ScrubEntry {
  /** As it was written, such as "30d". */
  readonly every?: string
  /** Bytes per second. */
  readonly limit?: number
  readonly readers?: number
}

/** How restores are tried out. What is left out stays usual; ages as written, sizes in bytes. */
export interface DrillsEntry {
  readonly every?: string
  /** Absolute. */
  readonly scratch?: string
  readonly most?: number
  readonly minFree?: number
  /** An age, or "never". */
  readonly engineEvery?: string
  /** By namespace/pvc: paths in the snapshot. */
  readonly sentinels: Readonly<Record<string, readonly string[]>>
}

/** When a kind of job runs by itself. Of neither repositories nor stores: on all that it can work on. */
export interface ScheduleEntry {
  readonly name: string
  readonly job: string
  readonly repositories?: readonly string[]
  readonly stores?: readonly string[]
  /** Left out where it is off. */
  readonly cron?: string
  /** IANA name. */
  readonly zone: string
  /** As it was written, such as "1h": subjects begin spread over so long. */
  readonly spread: string
  /** The kind does not run by itself on these. */
  readonly off: boolean
}

/** A document as it was written: a repository may leave open what it decides when it is its cluster's only one. */
export interface DeclaredDocument extends Omit<Document, "repositories"> {
  readonly repositories: readonly DeclaredRepository[]
}

export interface DeclaredRepository extends Omit<RepositoryEntry, "decides"> {
  readonly decides: Decides | undefined
}

export const emptyDocument: Document = {
  stores: [],
  clusters: [],
  repositories: [],
  exports: [],
  nfsServer: undefined,
  schedules: [],
  quietHours: undefined,
  scrub: undefined,
  drills: undefined,
}

export interface StoreEntry {
  readonly name: string
  /** Absolute and normal: no "..", no trailing slash. */
  readonly path: string
  /** Whether the directory may lie on the machine's root filesystem instead of a mounted one. */
  readonly allowRoot: boolean
  /** Left out: nobody makes any by itself. */
  readonly filesystemSnapshots?: FilesystemSnapshotsEntry
}

/** When filesystem snapshots of a store are made, and which of them stay. */
export interface FilesystemSnapshotsEntry {
  readonly schedule: SnapshotSchedule
  readonly keep: SnapshotKeep
}

/** Times are UTC, "HH:MM". */
export type SnapshotSchedule =
  | { readonly every: "hour" }
  | { readonly every: "day"; readonly at: string }
  | { readonly every: "week"; readonly on: Weekday; readonly at: string }

export const weekdays = [
  "monday",
  "tuesday",
  "wednesday",
  "thursday",
  "friday",
  "saturday",
  "sunday",
] as const
export type Weekday = (typeof weekdays)[number]

/** How many stay: the newest ones, and the newest of each hour, day, week and month in UTC. */
export interface SnapshotKeep {
  readonly last: number
  readonly hourly: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
  /** As it was written, such as "24h" or "7d": what is younger stays. */
  readonly minimumAge: string
}

export interface ClusterEntry {
  readonly name: string
  /** CIDR, as written. */
  readonly networks: readonly string[]
  readonly excludedNamespaces: readonly string[]
  readonly tokens: readonly TokenEntry[]
  /** Whether a request without a token of this cluster is refused. */
  readonly requireToken: boolean
}

/** The hash of a token (lower-case hex of SHA-256), or where the token itself is found. */
export type TokenEntry = { readonly sha256: string } | SecretReference

/**
 * Where a secret is. `value` is in a document only on its way in: it is sealed, and the document that is kept names the
 * sealed secret instead.
 */
export type SecretReference =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly value: string }
  | { readonly sealed: string }

export type Decides = "restore" | "guard" | "no"

export interface RepositoryEntry {
  readonly name: string
  readonly cluster: string
  readonly engine: "kopia" | "restic"
  readonly place: Place
  /** Undefined: not known to us. Kopia then cannot be read; restic shows names only. */
  readonly password: SecretReference | undefined
  /** Kopia only. The first is what the mover looks up, the others only guard. */
  readonly conventions: readonly ConventionEntry[]
  /** Patterns such as "*" and "!legacy-*"; which volumes of the cluster this repository is about. */
  readonly namespaces: readonly string[]
  /** For places and conventions that name only the PVC or the app: from that name to its namespace. */
  readonly namespaceMap: Readonly<Record<string, string>>
  /** The administrator's own map, from "namespace/pvc" to what holds its backups. */
  readonly volumes: Readonly<Record<string, VolumeEntry>>
  /** Identities that look like some volume's and are none of anybody's: they no longer count as similar. */
  readonly dismissed: readonly string[]
  readonly decides: Decides
  /** The place is empty, and is meant to be (design, "The first backup"). */
  readonly new: boolean
  /** Whose its directories are to be; undefined: whom the export around them makes everybody. */
  readonly owner: RepositoryOwner | undefined
  /** Whether a volume's own directory is made at its first certain `fresh`. Left out: only when somebody says so. */
  readonly directories?: "onFirstFresh"
  /** What its directory may hold, or each of its volumes' directories; undefined: nobody said. */
  readonly quota: RepositoryQuota | undefined
  /** From where on its backups are odd. Left out: as usual. */
  readonly anomalies?: RepositoryAnomalies
  /** What its scrubs do otherwise than those of all. */
  readonly scrub?: ScrubEntry
}

/** What is left out stays usual (docs/anomalies.md). Shares are percent, ages written such as "24h". */
export interface AnomalySettings {
  readonly window?: number
  readonly lostPercent?: number
  readonly lostFiles?: number
  readonly lostBytes?: number
  readonly growthFactor?: number
  readonly growthBytes?: number
  readonly interval?: string
  readonly missedIntervals?: number
  readonly firstBackup?: string
  readonly restarts?: number
  readonly zeroBytes?: number
  readonly rewrittenPercent?: number
  readonly deletedPercent?: number
  readonly changedFiles?: number
  readonly off?: readonly AnomalyCode[]
}

export interface RepositoryAnomalies extends AnomalySettings {
  /** Others for these volumes, by "namespace/pvc". */
  readonly volumes: Readonly<Record<string, AnomalySettings>>
}

export interface RepositoryQuota {
  readonly limitBytes: number
  /** Percent of the limit from which on it is a finding. */
  readonly warnAt: number
  /** Whether writers are to be held to it; false: it is only watched. */
  readonly enforce: boolean
}

export interface RepositoryOwner {
  readonly uid: number
  readonly gid: number
  /** Four octal digits, of the directory itself. Left out: only that its owner can work in it. */
  readonly mode?: string
  /** Such as "user:568:rwx": who else gets which rights on new directories and on what is made in them. Left out: nobody. */
  readonly acl?: readonly string[]
}

/**
 * What a volume's mover looks up: `user@host:path` for Kopia, the repository's directory relative to the store for restic.
 * The object also names other Kopia identities that hold older backups of the volume.
 */
export type VolumeEntry = string | { readonly read?: string; readonly also: readonly string[] }

export type Place = StorePlace | S3Place

export interface StorePlace {
  readonly kind: "store"
  readonly store: string
  /** Relative to the store. restic's may hold {namespace} and {pvc}: one repository per volume. "" is the store itself. */
  readonly path: string
}

export interface S3Place {
  readonly kind: "s3"
  readonly endpoint: string
  readonly bucket: string
  /** "" or ending in a slash. */
  readonly prefix: string
  readonly region: string
  readonly credentials: SecretReference | undefined
}

/** A rule from namespace and PVC to a Kopia identity. Both forms are templates such as "{pvc}-backup@{namespace}:/data". */
export interface ConventionEntry {
  /** The names that the mover backs up under. */
  readonly written: string
  /** The names that the mover restores from: mostly the same. */
  readonly read: string
  /** Whether user and host are explicit in the mover's object, so that it does not sanitise or cut them. */
  readonly verbatim: boolean
}

/** An NFS export. Kept and checked here. */
export interface ExportEntry {
  readonly store: string
  readonly path: string
  readonly cluster: string
  readonly access: "readOnly" | "readWrite"
  /** Host names, lower case, besides the cluster's networks. */
  readonly hosts: readonly string[]
  /** "@" and a name each. */
  readonly netgroups: readonly string[]
  readonly squash: { readonly uid: number; readonly gid: number } | undefined
}

/** What exports the directories, and how it is spoken to. */
export type NfsServerEntry =
  /** `auto`: the one that is found on this machine. `none`: exports are declared, and somebody else serves them. */
  | { readonly kind: "auto" | "kernel" | "ganesha" | "none" }
  | {
      readonly kind: "truenas" | "synology"
      readonly url: string
      readonly user: string
      /** TrueNAS' API key, or the password of the Synology account. */
      readonly secret: SecretReference
      /** SHA-256 of the server's certificate, in lower-case hex; undefined: it must be one that this machine trusts. */
      readonly fingerprint: string | undefined
    }

/** What an export is known by: it has no name of its own. */
export function exportName({
  store,
  path,
  cluster,
}: Pick<ExportEntry, "store" | "path" | "cluster">): string {
  return `${store}:${path} for ${cluster}`
}
