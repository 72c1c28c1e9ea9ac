import { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import type { IndexEntry } from "./index-entry.js"
import { readIndexV1 } from "./index-v1.js"
import { readIndexV2 } from "./index-v2.js"

/** Which contents a caller wants: the prefix byte (0 for none) and the hash, as they lie in the index. */
export type Wanted = (key: Uint8Array) => boolean

export interface IndexScan {
  /** How many contents the index names in all. */
  readonly entryCount: number
  /** Those that were wanted, in the order of the index. */
  readonly entries: readonly IndexEntry[]
}

/**
 * Scans the plaintext of an index blob (kopia-repository-format §9). An index may name a million contents, so entries that
 * nobody wants are passed over unread. `file` names it in errors: `corrupt`, or `unsupported` for a newer version.
 */
export function scanIndex(bytes: Uint8Array, file: string, wanted: Wanted): IndexScan {
  const version = new ByteReader(bytes, file).u8("index version")
  if (version === 1) return readIndexV1(bytes, file, wanted)
  if (version === 2) return readIndexV2(bytes, file, wanted)
  throw new StorageError("unsupported", `${file}: index version ${version} is not known`, { facts: { file } })
}
