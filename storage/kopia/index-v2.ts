import { ByteReader } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import type { Take, Wanted } from "./index-blob.js"
import type { IndexEntry } from "./index-entry.js"
import { checkSizes, contentIdOf, packNameAt } from "./index-key.js"

// Kopia index version 2 (kopia-repository-format §9.2), big-endian. Trailing bytes are ignored.
//
//    0      version, 2
//    1      key size: 1 + bytes of a hash
//    2..3   entry size, 16 to 19
//    4..7   entry count
//    8..11  pack count
//   12      format count
//   13..16  base timestamp
//   17..    entries of key size + entry size; then packs of 5, formats of 6; then pack names
//
// An entry after its key:
//
//    0..3   seconds after the base timestamp
//    4..7   bit 31: deleted, bits 0..30: offset of the content inside its pack
//    8..10  original length, bits 0..23
//   11..13  packed length, bits 0..23
//   14..15  pack number, bits 0..15
//   16      format number               optional, else 0
//   17      pack number, bits 16..23    optional, else 0
//   18      bits 24..27 of the original length (high nibble)
//           and of the packed length (low nibble)   optional, else 0
//
// A pack:   0 length of its name, 1..4 offset of its name in this plaintext
// A format: 0..3 compression header id, 4 format version, 5 encryption key id
const HEADER_SIZE = 17
const LEAST_ENTRY_SIZE = 16
const MOST_ENTRY_SIZE = 19
const PACK_SIZE = 5
const FORMAT_SIZE = 6
const DELETED_BIT = 0x8000_0000

interface Header {
  readonly baseTimestamp: number
  readonly packs: { readonly at: number; readonly count: number }
  readonly formats: { readonly at: number; readonly count: number }
  readonly entrySize: number
}

export function walkIndexV2(bytes: Uint8Array, file: string, wanted: Wanted, take: Take): number {
  const reader = new ByteReader(bytes, file)
  reader.u8("version")
  const keySize = reader.u8("key size")
  const entrySize = reader.u16be("entry size")
  const entryCount = reader.u32be("entry count")
  const packCount = reader.u32be("pack count")
  const formatCount = reader.u8("format count")
  const baseTimestamp = reader.u32be("base timestamp")
  checkSizes(keySize, entrySize, LEAST_ENTRY_SIZE, MOST_ENTRY_SIZE, entryCount, file)

  reader.expectRecords(entryCount, keySize + entrySize, "entry count")
  const packsAt = HEADER_SIZE + entryCount * (keySize + entrySize)
  reader.seek(packsAt, "pack table")
  reader.expectRecords(packCount, PACK_SIZE, "pack count")
  const formatsAt = packsAt + packCount * PACK_SIZE
  reader.seek(formatsAt, "format table")
  reader.expectRecords(formatCount, FORMAT_SIZE, "format count")

  const header = {
    baseTimestamp,
    packs: { at: packsAt, count: packCount },
    formats: { at: formatsAt, count: formatCount },
    entrySize,
  }
  for (let index = 0; index < entryCount; index++) {
    reader.seek(HEADER_SIZE + index * (keySize + entrySize), "entry")
    const key = reader.bytes(keySize, "key")
    if (wanted(key)) take(readEntry(reader, key, header, file), key)
  }
  return entryCount
}

function readEntry(reader: ByteReader, key: Uint8Array, header: Header, file: string): IndexEntry {
  const seconds = reader.u32be("timestamp")
  const offsetAndFlag = reader.u32be("pack offset")
  const originalLow = reader.u24be("original length")
  const packedLow = reader.u24be("packed length")
  const packLow = reader.u16be("pack number")
  const formatNumber = header.entrySize > 16 ? reader.u8("format number") : 0
  const packHigh = header.entrySize > 17 ? reader.u8("pack number, high byte") : 0
  const lengthsHigh = header.entrySize > 18 ? reader.u8("lengths, high bits") : 0

  const packNumber = packHigh * 0x1_0000 + packLow
  seekRecord(reader, header.packs, packNumber, PACK_SIZE, "pack", file)
  const packNameLength = reader.u8("pack name length")
  const pack = packNameAt(reader, reader.u32be("pack name offset"), packNameLength, file)

  seekRecord(reader, header.formats, formatNumber, FORMAT_SIZE, "format", file)
  const compression = reader.u32be("compression")
  reader.u8("format version")
  return {
    contentId: contentIdOf(key, file),
    timestamp: header.baseTimestamp + seconds,
    deleted: offsetAndFlag >= DELETED_BIT,
    pack,
    offset: offsetAndFlag % DELETED_BIT,
    packedLength: (lengthsHigh % 16) * 0x100_0000 + packedLow,
    originalLength: (lengthsHigh >> 4) * 0x100_0000 + originalLow,
    compression,
    encryptionKeyId: reader.u8("encryption key"),
  }
}

function seekRecord(
  reader: ByteReader,
  table: { readonly at: number; readonly count: number },
  number: number,
  size: number,
  name: string,
  file: string,
): void {
  if (number >= table.count) {
    throw new StorageError("corrupt", `${file}: ${name} ${number} is wanted, there are ${table.count}`, {
      facts: { file },
    })
  }
  reader.seek(table.at + number * size, name)
}
