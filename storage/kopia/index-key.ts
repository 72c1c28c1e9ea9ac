import type { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"

/** The prefix byte of a content without prefix. */
const NO_PREFIX = 0
const FIRST_PREFIX = 0x67 // "g": the letters before it are hexadecimal digits
const LAST_PREFIX = 0x7a // "z"

/** The engine's writers note this key size in an index without entries. */
const KEY_SIZE_OF_EMPTY = 255

/** `m`: contents that hold manifests. */
export const MANIFEST_PREFIX = 0x6d

/** Turns a key of an index (prefix byte, hash) into a content id. `corrupt` for a prefix that no content has. */
export function contentIdOf(key: Uint8Array, file: string): string {
  const prefix = key[0] ?? NO_PREFIX
  if (prefix !== NO_PREFIX && (prefix < FIRST_PREFIX || prefix > LAST_PREFIX)) {
    throw new StorageError("corrupt", `${file}: a content has the prefix byte ${prefix}`, { facts: { file } })
  }
  const hash = Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString("hex")
  return prefix === NO_PREFIX ? hash : String.fromCharCode(prefix) + hash
}

/** The key of a content id in an index; undefined for what is no content id. */
export function keyOfContent(contentId: string): Uint8Array | undefined {
  const [, prefix = "", hash = ""] = /^([g-z]?)((?:[0-9a-f]{2})+)$/.exec(contentId) ?? []
  if (hash === "") return undefined
  return Buffer.concat([
    Buffer.from([prefix === "" ? NO_PREFIX : prefix.charCodeAt(0)]),
    Buffer.from(hash, "hex"),
  ])
}

/** Checks the sizes in an index header, before anything is read by them. */
export function checkSizes(
  keySize: number,
  entrySize: number,
  least: number,
  most: number,
  entryCount: number,
  file: string,
): void {
  const emptyIndex = entryCount === 0 && keySize === KEY_SIZE_OF_EMPTY
  if (emptyIndex || (keySize > 1 && entrySize >= least && entrySize <= most && keySize + entrySize <= 256))
    return
  throw new StorageError(
    "corrupt",
    `${file}: keys of ${keySize} and entries of ${entrySize} bytes are no index`,
    {
      facts: { file, keySize, entrySize },
    },
  )
}

/** A pack's name out of the extra data of an index. It becomes a path, so anything that no blob is called is `corrupt`. */
export function packNameAt(reader: ByteReader, offset: number, length: number, file: string): string {
  reader.seek(offset, "pack name")
  const name = Buffer.from(reader.bytes(length, "pack name")).toString("latin1")
  if (/^[\w-]+$/.test(name)) return name
  throw new StorageError("corrupt", `${file}: ${JSON.stringify(name)} is no name of a pack`, {
    facts: { file },
  })
}
