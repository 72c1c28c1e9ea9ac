import { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { openSealed, SEAL_LENGTH, type SealKey } from "./sealed.js"

// A pack ends with its sealed header and the length of that (restic-repository-format §6), little-endian. Of each blob the header has
// a type byte (bit 0: tree, bit 1: compressed), the sealed length, of a compressed one the plain length, and the id.
export const LENGTH_FIELD = 4
const LONGEST_HEADER = 16 * 1024 * 1024
const PLAIN_ENTRY = 37
const COMPRESSED_ENTRY = 41
const ID_LENGTH = 32

/** What the header says of a blob, in bytes. */
export function headerEntryLength(compressed: boolean): number {
  return compressed ? COMPRESSED_ENTRY : PLAIN_ENTRY
}

/** Checks the header, by which restic can make a new index: sealed, whole, and telling of exactly the bytes before it. Throws `corrupt`. */
export async function checkPackEnd(
  key: SealKey,
  read: (offset: number, length: number) => Promise<Uint8Array>,
  length: number,
  file: string,
): Promise<void> {
  const damaged = (what: string): StorageError =>
    new StorageError("corrupt", `${file}: the header of the pack ${what}`, {
      facts: { file },
      hint: "Its blobs can be restored by the index; `restic repair packs` takes them over into a new pack.",
    })
  if (length < SEAL_LENGTH + LENGTH_FIELD) throw damaged("does not fit in it")
  const headerLength = new ByteReader(await read(length - LENGTH_FIELD, LENGTH_FIELD), file).u32le(
    "header length",
  )
  const start = length - LENGTH_FIELD - headerLength
  if (headerLength < SEAL_LENGTH || headerLength > LONGEST_HEADER || start < 0)
    throw damaged("has an impossible length")
  const plain = openSealed(key, await read(start, headerLength))
  if (plain === undefined) throw damaged("does not decrypt")
  const reader = new ByteReader(plain, file)
  let end = 0
  while (reader.remaining > 0) {
    const type = reader.u8("type of a blob")
    if (type > 3) throw damaged("has a blob of an unknown type")
    end += reader.u32le("length of a blob")
    if (type > 1) reader.u32le("plain length of a blob")
    reader.bytes(ID_LENGTH, "id of a blob")
  }
  if (end !== start) throw damaged("does not tell of the blobs before it")
}
