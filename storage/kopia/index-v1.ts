import { ByteReader } from "../bytes/index.js"
import { CIPHER_OVERHEAD } from "./content-cipher.js"
import type { Take, Wanted } from "./index-blob.js"
import type { IndexEntry } from "./index-entry.js"
import { checkSizes, contentIdOf, packNameAt } from "./index-key.js"

// Kopia index version 1 (kopia-repository-format §9.1), big-endian. Trailing bytes are ignored: writers add 32 random ones.
//
//    0      version, 1
//    1      key size: 1 + bytes of a hash
//    2..3   entry size, 20
//    4..7   entry count
//    8..    entries of key size + entry size, sorted by key; then pack names
//
// An entry after its key:
//
//    0..5   unix seconds
//    6      format version
//    7      length of the pack's name
//    8..11  offset of the pack's name in this plaintext
//   12..15  bit 31: deleted, bits 0..30: offset of the content inside its pack
//   16..19  packed length
const HEADER_SIZE = 8
const ENTRY_SIZE = 20
const DELETED_BIT = 0x8000_0000

export function walkIndexV1(bytes: Uint8Array, file: string, wanted: Wanted, take: Take): number {
  const header = new ByteReader(bytes, file)
  header.u8("version")
  const keySize = header.u8("key size")
  const entrySize = header.u16be("entry size")
  const entryCount = header.u32be("entry count")
  checkSizes(keySize, entrySize, ENTRY_SIZE, ENTRY_SIZE, entryCount, file)
  header.expectRecords(entryCount, keySize + entrySize, "entry count")

  const reader = new ByteReader(bytes, file)
  for (let index = 0; index < entryCount; index++) {
    reader.seek(HEADER_SIZE + index * (keySize + entrySize), "entry")
    const key = reader.bytes(keySize, "key")
    if (wanted(key)) take(readEntry(reader, key, file), key)
  }
  return entryCount
}

function readEntry(reader: ByteReader, key: Uint8Array, file: string): IndexEntry {
  const timestamp = reader.u48be("timestamp")
  reader.u8("format version")
  const packNameLength = reader.u8("pack name length")
  const packNameOffset = reader.u32be("pack name offset")
  const offsetAndFlag = reader.u32be("pack offset")
  const packedLength = reader.u32be("packed length")
  return {
    contentId: contentIdOf(key, file),
    timestamp,
    deleted: offsetAndFlag >= DELETED_BIT,
    pack: packNameAt(reader, packNameOffset, packNameLength, file),
    offset: offsetAndFlag % DELETED_BIT,
    packedLength,
    // Version 1 knows no compression, so the cipher's overhead is the whole difference.
    originalLength: Math.max(0, packedLength - CIPHER_OVERHEAD),
    compression: 0,
    encryptionKeyId: 0,
  }
}
