import { crc32 } from "node:zlib"
import { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import type { Decryption } from "./decryption.js"
import { walkIndex } from "./index-blob.js"

// A pack ends with an index of its own and a postamble (kopia-repository-format §6.4), big-endian:
//
//    uvarint 1, uvarint length of the vector, the vector, uvarint offset of the index, uvarint its length
//    CRC-32 of these
//    one byte: how many bytes these two are
const LONGEST_POSTAMBLE = 256
const LEAST_POSTAMBLE = 5
const VERSION = 1

export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>

/** Checks the index at a pack's end, by which kopia can bring a repository back that lost its index. Throws `corrupt`, or as `read`. */
export async function openPackEnd(
  decryption: Decryption,
  read: ReadRange,
  length: number,
  file: string,
): Promise<void> {
  const tailLength = Math.min(length, LONGEST_POSTAMBLE)
  const tail = await read(length - tailLength, tailLength)
  const { iv, offset, indexLength } = parsePostamble(tail, file)
  if (offset + indexLength > length) throw damaged(file, "points behind the end of the pack")
  const index = decryption.openUnder(iv, await read(offset, indexLength), `${file}: index of the pack`)
  walkIndex(
    index,
    file,
    () => false,
    () => undefined,
  )
}

function parsePostamble(
  tail: Uint8Array,
  file: string,
): { readonly iv: Uint8Array; readonly offset: number; readonly indexLength: number } {
  const size = tail.at(-1) ?? 0
  if (size < LEAST_POSTAMBLE || size + 1 > tail.length) throw damaged(file, "has an impossible length")
  const payload = tail.subarray(tail.length - 1 - size, tail.length - 1 - 4)
  const check = new ByteReader(tail, file, tail.length - 1 - 4).u32be("check of the postamble")
  if (crc32(payload) !== check) throw damaged(file, "does not have the sum that it says")
  const reader = new ByteReader(payload, file)
  if (reader.uvarint("version of the postamble") !== VERSION) {
    throw new StorageError("unsupported", `${file}: a postamble of another version`, { facts: { file } })
  }
  const iv = reader.bytes(reader.uvarint("length of the vector"), "vector")
  return {
    iv,
    offset: reader.uvarint("offset of the index"),
    indexLength: reader.uvarint("length of the index"),
  }
}

function damaged(file: string, what: string): StorageError {
  return new StorageError("corrupt", `${file}: the end of the pack ${what}`, {
    facts: { file },
    hint: "Nothing that is restored needs it; have the pack mended all the same.",
  })
}
