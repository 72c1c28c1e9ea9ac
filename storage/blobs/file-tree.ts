import type { Instant } from "../instant.js"

export interface TreeEntry {
  readonly name: string
  readonly kind: "file" | "directory" | "other"
  /** Bytes; 0 for what is not a file. */
  readonly length: number
  /** Last change of the content, to the nanosecond where the filesystem keeps it. Kopia uses it as its clock. */
  readonly modified: Instant
}

export interface TreeListing {
  readonly entries: readonly TreeEntry[]
  /** How many names were passed over because they are not UTF-8. No engine writes such names. */
  readonly undecodableNames: number
}

/** What a folder holds, by name alone. */
export interface FolderNames {
  /** In any order. */
  readonly names: readonly string[]
  /** As in a TreeListing. */
  readonly undecodableNames: number
}

/**
 * Where the files of one repository are: a directory (or, later, a bucket). Paths are relative, "/"-separated, "" is the
 * root. Every failure is a StorageError whose `facts.file` is the path: `missing`, `unreadable`, `io`, `invalid`.
 * Nothing here can write.
 */
export interface FileTree {
  /** For messages: the directory's path or the bucket's name. Never holds a secret. */
  readonly location: string
  /** One folder, not recursive. */
  list(folder: string): Promise<TreeListing>
  /** The same folder without a look at the files: a few calls into the filesystem, however many there are. */
  names(folder: string): Promise<FolderNames>
  /** The whole file. `corrupt` when it is longer than `maxLength` bytes; never more than its own length is allocated. */
  read(path: string, maxLength: number): Promise<Uint8Array>
  /** Exactly `length` bytes at `offset`; `corrupt` when the file ends before. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array>
  /** Undefined when there is nothing at `path`. */
  stat(path: string): Promise<TreeEntry | undefined>
}
