import type { Instant } from "./instant.js"
import type { LostContents } from "./lost-contents.js"
import type { Snapshot } from "./repository.js"
import type { StoredContents } from "./stored-contents.js"

export type EntryKind =
  | "file"
  | "directory"
  | "symlink"
  | "block_device"
  | "character_device"
  | "fifo"
  | "socket"
  /** The writer did not say, or in words unknown to us. */
  | "unknown"

export interface ExtendedAttribute {
  readonly name: string
  readonly value: Uint8Array
}

/** Something in a snapshot, as the engine recorded it. */
export interface SnapshotEntry {
  /** One name, not a path: never empty, ".", "..", and without "/" and NUL. Bytes, because a name need not be UTF-8. The root has "". */
  readonly name: Uint8Array
  readonly kind: EntryKind
  /** Permissions with set-uid, set-gid and sticky: 0 to 0o7777. Undefined where the engine does not record it. */
  readonly mode: number | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly modified: Instant | undefined
  /** Of a file: bytes, as recorded. 0 for everything else. */
  readonly size: number
  /** Where a symlink leads, where that is recorded with it; Kopia keeps it as a content (see SnapshotContents.target). */
  readonly target: Uint8Array | undefined
  /** Kopia records none. */
  readonly attributes: readonly ExtendedAttribute[]
  /** Of a device: its number, as the kernel of the writer had it. */
  readonly device: number | undefined
  /** Equal for entries that were one file under several names; undefined where it has one name, or the engine does not record it. */
  readonly sameFile: string | undefined
  /** What is in it, in the engine's own ids; only the engine reads it. Empty for what has nothing in it. */
  readonly content: readonly string[]
}

export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/**
 * What is in the snapshots of a repository, as its indexes were at one moment. Everything that is read is checked against its own
 * hash. Every failure is a StorageError: `corrupt` and `missing` name the file to blame and the content; a prune that ran since
 * the indexes were read makes contents `missing`, and they have to be opened anew.
 */
export interface SnapshotContents {
  /** A directory; with Kopia also a single file. Nothing is read yet. */
  root(snapshot: Snapshot): SnapshotEntry
  /** The root with its own mode, owner and time, where the engine records them; with Kopia that has to be looked for. */
  describedRoot(snapshot: Snapshot): Promise<SnapshotEntry>
  /** What is in a directory, in the order of the engine. */
  list(directory: SnapshotEntry): Promise<readonly SnapshotEntry[]>
  /** A file's bytes, piece by piece; `range` may reach beyond its end. `corrupt` when there are fewer or more than its size says. */
  read(file: SnapshotEntry, range?: ByteRange): AsyncIterable<Uint8Array>
  /** Where a symlink leads. */
  target(symlink: SnapshotEntry): Promise<Uint8Array>
  /**
   * Whether a file has bytes and all of them are zero, told by the ids of its contents: true is certain, false too. At most the index
   * of a long object is read, never the file. Fails as `read` does when that cannot be told: an index of a long object that is lost.
   */
  isZeros(file: SnapshotEntry): Promise<boolean>
  /**
   * Ids of everything stored that this entry itself consists of, not what is below it; an id may come twice. Kopia: content ids, and
   * of a long object its index (`x…`, `k…`) before the index is read, then its pieces. restic: `data/<hex>` and `tree/<hex>`. Throws
   * as `list` does when an index cannot be read; what came until then counts.
   */
  parts(entry: SnapshotEntry): AsyncIterable<string>
  /**
   * What would be lost with a file of the repository, whether it is still there or not: by its id, its path below the root, or the
   * beginning of either. Throws `invalid` for what is no file of the repository or may be several, else as `list`.
   */
  contentsIn(file: string, options?: { readonly signal?: AbortSignal }): Promise<LostContents>
}

/** Enough to walk through trees, and to know what they consist of. */
export type SnapshotTrees = Pick<SnapshotContents, "root" | "list" | "parts">

/** Enough to bring back what is in them. */
export type FileContents = Pick<SnapshotContents, "root" | "describedRoot" | "list" | "read" | "target">

/** The same, and where it is stored, both by the same indexes. */
export interface OpenedContents extends SnapshotContents {
  readonly stored: StoredContents
}
