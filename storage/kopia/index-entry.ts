/** Where one content lies, as one index blob has it. */
export interface IndexEntry {
  /** A prefix letter, or none, and the hash in hexadecimal. */
  readonly contentId: string
  /** Unix seconds. */
  readonly timestamp: number
  /** The content is given up, but still lies where it lay. */
  readonly deleted: boolean
  readonly pack: string
  /** In the pack, bytes. */
  readonly offset: number
  /** In the pack, after compression, encryption and error correction. */
  readonly packedLength: number
  readonly originalLength: number
  /** Header id of the compression; 0 for none. */
  readonly compression: number
  readonly encryptionKeyId: number
}

/** Which of two entries of one content counts (kopia-repository-format §9.3): later, then not deleted, then by pack. */
export function outranks(a: IndexEntry, b: IndexEntry): boolean {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp
  if (a.deleted !== b.deleted) return !a.deleted
  return a.pack > b.pack
}
