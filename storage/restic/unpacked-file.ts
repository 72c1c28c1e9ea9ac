import { zstdDecompress } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { openSealed, type SealKey } from "./sealed.js"

const COMPRESSED = 0x02
const LIST = 0x5b
const OBJECT = 0x7b

/**
 * The JSON of an index, snapshot or lock file (restic-repository-format §5). Its first byte says whether it is
 * compressed; version 1 never is, but a repository that was migrated keeps its old files, so the version is not asked.
 * `limit` is how many bytes the JSON may have.
 */
export function openUnpacked(key: SealKey, sealed: Uint8Array, file: string, limit: number): Uint8Array {
  const plaintext = openSealed(key, sealed)
  if (plaintext === undefined) {
    throw new StorageError("corrupt", `${file}: not written with this repository's key`, { facts: { file } })
  }
  const first = plaintext[0]
  if (first === COMPRESSED) return zstdDecompress(plaintext.subarray(1), limit, file)
  if (first === undefined || first === LIST || first === OBJECT) return plaintext
  throw new StorageError("unsupported", `${file}: written in an encoding unknown to us (${first})`, {
    facts: { file, encoding: first },
    hint: "Update Cistern.",
  })
}
