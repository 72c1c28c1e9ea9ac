import type { Instant } from "../instant.js"
import type { Notice } from "../repository.js"

export interface KopiaBlob {
  readonly id: string
  readonly length: number
  /** The storage's clock, which the engine trusts for everything that expires. */
  readonly modified: Instant
}

export interface BlobListing {
  /** Metadata only: the format block, indexes and their marks, session markers. Unsorted. */
  readonly blobs: readonly KopiaBlob[]
  /** Whether packs were seen in passing: a repository that has packs has indexes. */
  readonly packsSeen: boolean
  readonly notices: readonly Notice[]
  /** Folders in which new metadata can appear, relative to the root. */
  readonly folders: readonly string[]
}

/**
 * The blobs of one repository by id, wherever they are: sharded files or flat objects. Every failure is a StorageError
 * whose `facts.file` is the path or key. Nothing here can write.
 */
export interface KopiaBlobs {
  /** For messages. */
  readonly location: string
  /** Throws `missing`, `empty`, `not_a_repository` or `corrupt` where there is no repository to list. */
  listMetadata(): Promise<BlobListing>
  /** Every pack that lies where the engine looks for it. After a `listMetadata`, which learns the layout. */
  packs(signal?: AbortSignal): AsyncIterable<KopiaBlob>
  /** The path or key at which the engine looks for a blob, for messages. */
  fileOf(id: string): string
  read(id: string, maxLength: number): Promise<Uint8Array>
  readRange(id: string, offset: number, length: number): Promise<Uint8Array>
  /** Bytes of the blob; undefined when it is not there. */
  lengthOf(id: string): Promise<number | undefined>
}
