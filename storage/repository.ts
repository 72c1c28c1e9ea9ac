import type { BlobMemory, FileTree } from "./blobs/index.js"
import type { OpenedContents } from "./contents.js"
import type { Instant } from "./instant.js"
import type { Proof } from "./proof.js"
import type { Secret } from "./secret.js"

export type Engine = "kopia" | "restic"

/** Who and what a snapshot is of, in the engine's own words. restic's mover writes one path; a plain restic may write more. */
export interface SnapshotSource {
  readonly user: string
  readonly host: string
  readonly paths: readonly string[]
}

/** One backup of one source. */
export interface Snapshot {
  /** The engine's own id. Kopia's changes when a snapshot is pinned or edited, restic's when it is tagged or rewritten. */
  readonly id: string
  readonly source: SnapshotSource
  readonly start: Instant
  /** Undefined where the engine does not record it (restic before 0.17) or the writer was stopped. */
  readonly end: Instant | undefined
  /** Kopia: "checkpoint", "canceled", "limit reached". Undefined means complete. restic keeps no incomplete snapshots. */
  readonly incomplete: string | undefined
  /** Kopia: the root object's id; restic: the tree's. Together with `start` it is the snapshot, whatever its id. */
  readonly root: string | undefined
  /** Bytes of the files in it, before deduplication. Undefined where the engine does not record it. */
  readonly bytes: number | undefined
  readonly files: number | undefined
  /** How many entries the writer could not read. The snapshot is complete all the same. */
  readonly failedFiles: number
  /** Kopia's `key:value` without its "tag:" prefix, restic's as they are. Sorted. */
  readonly tags: readonly string[]
  readonly pins: readonly string[]
  readonly description: string
}

/** A program that writes, or seems to: a Kopia session marker, a restic lock. Unproven: a killed writer leaves its mark. */
export interface Writer {
  /** The session's or lock's id. */
  readonly id: string
  readonly user: string | undefined
  readonly host: string | undefined
  /** The later of the time that the mark itself gives and its file's: clocks differ, and this errs towards a living writer. */
  readonly lastSeen: Instant
  /** restic only; undefined without the password. */
  readonly exclusive: boolean | undefined
}

/** Something odd that does not make the listing uncertain: stray files, a half-written temporary file, a skipped field. */
export interface Notice {
  readonly code:
    | "stray_file"
    | "temporary_file"
    | "undecodable_name"
    | "empty_file"
    | "repaired"
    | "unknown_blob"
    | "unreadable_lock"
    /** Another key opens the repository; this one's password does not any more. */
    | "damaged_key"
  readonly message: string
  readonly file?: string
}

/** The snapshots of one source, as of one listing. */
export interface SourceSnapshots {
  readonly source: SnapshotSource
  /** Different when anything of these snapshots is. */
  readonly signature: string
  /** By start, oldest first. Made at each call. */
  snapshots(): readonly Snapshot[]
}

/** All snapshots of one repository at one moment, or an error: never a part taken for the whole. */
export interface Listing {
  readonly engine: Engine
  /** Kopia's uniqueID in hex, restic's config id. Without restic's password: "" (see `fingerprint`). */
  readonly repositoryId: string
  /** What can pin the repository without a password: restic's hash of `config` and the names of its keys; Kopia's uniqueID. */
  readonly fingerprint: string
  readonly formatVersion: number
  /** `names`: restic without its password. Of each snapshot only id, file time and stored size are known. */
  readonly depth: "contents" | "names"
  /** By start, oldest first. Made at each look, because a hundred thousand of them are not kept as objects. */
  readonly snapshots: readonly Snapshot[]
  readonly snapshotCount: number
  /** The same snapshots by source. An element stays the same object while nothing of its source changes. */
  readonly sources: readonly SourceSnapshots[]
  readonly writers: readonly Writer[]
  readonly notices: readonly Notice[]
  /**
   * The live metadata files this listing rests on, each engine in its own form. Given back as `previousMarks`, they let the
   * next listing notice that one of them vanished without an explanation; those of another repository say nothing.
   */
  readonly marks: readonly string[]
  /** False: known files were not looked at again (`changed` of Repository.list). What is new was read, and all names are of now. */
  readonly thorough: boolean
}

/** Where derived keys are kept between starts, sealed: stretching a password costs up to half a second each. */
export interface KeyMemory {
  /** The key derived earlier from this very password, for this label (engine, repository, key file). */
  recall(label: string, password: Secret): Promise<Uint8Array | undefined>
  remember(label: string, password: Secret, key: Uint8Array): Promise<void>
}

export interface OpenOptions {
  readonly files: FileTree
  /** Undefined: not known to us. Kopia then fails with `password_missing`; restic lists names. */
  readonly password: Secret | undefined
  readonly keys?: KeyMemory
  readonly memory?: BlobMemory
}

/** One repository, whichever engine wrote it. It reads; nothing here can write. */
export interface Repository {
  readonly engine: Engine
  readonly location: string
  /**
   * Everything, read anew: lists the metadata, reads only what is new since the last call, and counts only if a second
   * listing of the metadata names the same files. Fails with a StorageError that names the file to blame; `unstable` when
   * the repository kept changing.
   *
   * `changed` are the files, relative to the root, that file events told of since the last listing began, and lets an engine
   * believe of the others what it saw of them then: a file that never changes under its name need not be looked at to be known.
   * Without it every file is looked at.
   */
  list(options?: {
    signal?: AbortSignal
    previousMarks?: readonly string[]
    changed?: readonly string[]
  }): Promise<Listing>
  /** What is in its snapshots: reads all indexes anew. Fails as `list` does; restic also with `password_missing`. */
  openContents(options?: { signal?: AbortSignal }): Promise<OpenedContents>
  /**
   * What shows that bytes are those that a file of the repository has to have; `file` is relative to the root. Undefined where nothing can,
   * or nothing in the file is needed. restic's files prove themselves; Kopia's need the password, and their packs whole indexes. Fails as
   * `openContents` does.
   */
  proofOf(file: string, options?: { signal?: AbortSignal }): Promise<Proof | undefined>
  /** Folders in which a change of any entry means that a listing is due. Relative to the root; "" is the root. */
  watchedFolders(): readonly string[]
}
