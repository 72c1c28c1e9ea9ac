import { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import type { IndexEntry } from "./index-entry.js"
import { walkIndexV1 } from "./index-v1.js"
import { walkIndexV2 } from "./index-v2.js"

/** Which contents a caller wants: the prefix byte (0 for none) and the hash, as they lie in the index. */
export type Wanted = (key: Uint8Array) => boolean

export interface IndexScan {
  /** How many contents the index names in all. */
  readonly entryCount: number
  /** Those that were wanted, in the order of the index. */
  readonly entries: readonly IndexEntry[]
}

/** Takes an entry that was wanted; the key is a view. */
export type Take = (entry: IndexEntry, key: Uint8Array) => void

/** As `walkIndex`, for callers that want few. */
export function scanIndex(bytes: Uint8Array, file: string, wanted: Wanted): IndexScan {
  const entries: IndexEntry[] = []
  const entryCount = walkIndex(bytes, file, wanted, (entry) => entries.push(entry))
  return { entryCount, entries }
}

/**
 * Walks over the plaintext of an index blob (kopia-repository-format §9) and returns how many contents it names in all. It may name
 * a million, so entries that nobody wants are passed over unread. `file` names it in errors: `corrupt`, or `unsupported` for a
 * newer version.
 */
export function walkIndex(bytes: Uint8Array, file: string, wanted: Wanted, take: Take): number {
  const version = new ByteReader(bytes, file).u8("index version")
  if (version === 1) return walkIndexV1(bytes, file, wanted, take)
  if (version === 2) return walkIndexV2(bytes, file, wanted, take)
  throw new StorageError("unsupported", `${file}: index version ${version} is not known`, { facts: { file } })
}
