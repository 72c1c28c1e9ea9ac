import type { SnapshotEntry } from "./contents.js"
import type { Instant } from "./instant.js"
import type { KopiaOpenerSpec } from "./kopia/content-opener.js"
import type { ResticOpenerSpec } from "./restic/content-opener.js"

/** Enough to open contents in any thread: it can be cloned to one. It holds keys, and never leaves the process. */
export type OpenerSpec = KopiaOpenerSpec | ResticOpenerSpec

/** One place of a content in a pack, as the index tells it; can be cloned to a thread. */
export interface StoredItem {
  readonly content: string
  /** In the pack, bytes. */
  readonly offset: number
  readonly length: number
  /** After decompression; undefined: not compressed, with restic. */
  readonly plainLength: number | undefined
  /** Kopia's number of the algorithm; 0 for none. */
  readonly compression: number
  /** Kopia's number of the key; 0 for all that are written. */
  readonly keyId: number
}

/** A pack that lies in the repository, whether an index names it or not. */
export interface PackFile {
  readonly id: string
  /** Path relative to the root. */
  readonly file: string
  /** As in `placeAt`; undefined for one that no index names. */
  readonly pack: number | undefined
  readonly length: number
  readonly modified: Instant
}

export interface StoredPlace {
  readonly pack: number
  readonly offset: number
  readonly length: number
}

/**
 * Where all contents of a repository are stored, by its indexes of one moment. Contents, places and packs have numbers from 0 on,
 * so that a million of them can be dealt with in columns. Numbers are of these indexes and no others.
 */
export interface StoredContents {
  readonly contentCount: number
  readonly placeCount: number
  readonly packCount: number
  /** Of an id as `SnapshotContents.parts` has it; undefined when no index names it. */
  rowOf(content: string): number | undefined
  contentAt(row: number): string
  /** A letter's or a type's byte and the hash: the id in bytes. A view that holds for a moment. */
  keyAt(row: number): Uint8Array
  /** Kopia: one; restic: any number, of which one whole one is enough. */
  placesAt(row: number): readonly number[]
  placeAt(place: number): StoredPlace
  itemAt(row: number, place: number): StoredItem
  packId(pack: number): string
  packFile(pack: number): string
  /** Bytes that the pack has to have, where its index entries tell: restic. */
  expectedLength(pack: number): number | undefined
  /** Every pack that lies where the engine looks for it, as of now. */
  packFiles(signal?: AbortSignal): AsyncIterable<PackFile>
  /** The content that the object of a file, directory or link begins with; undefined for what has none. */
  headOf(entry: SnapshotEntry): string | undefined
  /**
   * Tells of every content that an entry's own object needs, and checks that they make up its size. Throws StorageError `corrupt` where
   * they do not; `missing`, `corrupt`, `io` when an index of a long object cannot be read, naming the content in `facts.content`.
   */
  needs(entry: SnapshotEntry, need: (content: string) => void): Promise<void>
  readonly opener: OpenerSpec
}

/** Opens what was read out of packs. */
export interface ContentOpener {
  /** No engine stores a content of more bytes: what is said to have more is not even read. */
  longest(item: StoredItem): number
  /** Tag, compression, length and hash. Throws StorageError `corrupt` or `unsupported`. */
  check(item: StoredItem, stored: Uint8Array, file: string): void
  /** What the engine wrote behind the contents of a pack. Throws `corrupt`, or as `read` does. */
  checkEnd(
    read: (offset: number, length: number) => Promise<Uint8Array>,
    length: number,
    file: string,
  ): Promise<void>
}
