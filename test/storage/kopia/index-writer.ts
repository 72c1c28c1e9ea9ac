import type { IndexEntry } from "../../../storage/kopia/index-entry.js"

// Writes index blobs from the layouts of the format, so that parsers meet more than the fixtures hold.

export function writeIndexV1(entries: readonly IndexEntry[]): Buffer {
  const keys = entries.map(keyOf)
  const keySize = keys[0]?.length ?? 255
  const packs = packTable(entries, 8 + entries.length * (keySize + 20))
  const header = Buffer.from([1, keySize, 0, 20, 0, 0, 0, 0])
  header.writeUInt32BE(entries.length, 4)
  const rows = entries.map((entry, index) => {
    const row = Buffer.alloc(20)
    row.writeUIntBE(entry.timestamp, 0, 6)
    row.writeUInt8(1, 6)
    row.writeUInt8(entry.pack.length, 7)
    row.writeUInt32BE(packs.offsetOf(entry.pack), 8)
    row.writeUInt32BE(entry.offset + (entry.deleted ? 0x8000_0000 : 0), 12)
    row.writeUInt32BE(entry.packedLength, 16)
    return Buffer.concat([keys[index] ?? Buffer.of(), row])
  })
  return Buffer.concat([header, ...rows, packs.names])
}

export function writeIndexV2(entries: readonly IndexEntry[], entrySize: number, base = 0): Buffer {
  const keys = entries.map(keyOf)
  const keySize = keys[0]?.length ?? 255
  const names = [...new Set(entries.map(({ pack }) => pack))]
  const formats = [
    ...new Set(entries.map(({ compression, encryptionKeyId }) => `${compression} ${encryptionKeyId}`)),
  ]
  const extra = 17 + entries.length * (keySize + entrySize) + names.length * 5 + formats.length * 6
  const packs = packTable(entries, extra)
  const header = Buffer.alloc(17)
  header.set([2, keySize, 0, entrySize])
  header.writeUInt32BE(entries.length, 4)
  header.writeUInt32BE(names.length, 8)
  header.writeUInt8(formats.length, 12)
  header.writeUInt32BE(base, 13)
  const rows = entries.map((entry, index) => {
    const row = Buffer.alloc(19)
    row.writeUInt32BE(entry.timestamp - base, 0)
    row.writeUInt32BE(entry.offset + (entry.deleted ? 0x8000_0000 : 0), 4)
    row.writeUIntBE(entry.originalLength % 0x100_0000, 8, 3)
    row.writeUIntBE(entry.packedLength % 0x100_0000, 11, 3)
    row.writeUInt16BE(names.indexOf(entry.pack), 14)
    row.writeUInt8(formats.indexOf(`${entry.compression} ${entry.encryptionKeyId}`), 16)
    row.writeUInt8((entry.originalLength >> 24) * 16 + (entry.packedLength >> 24), 18)
    return Buffer.concat([keys[index] ?? Buffer.of(), row.subarray(0, entrySize)])
  })
  const packRows = names.map((name) => {
    const row = Buffer.from([name.length, 0, 0, 0, 0])
    row.writeUInt32BE(packs.offsetOf(name), 1)
    return row
  })
  const formatRows = formats.map((format) => {
    const [compression, keyId] = format.split(" ").map(Number)
    const row = Buffer.from([0, 0, 0, 0, 3, keyId ?? 0])
    row.writeUInt32BE(compression ?? 0, 0)
    return row
  })
  return Buffer.concat([header, ...rows, ...packRows, ...formatRows, packs.names])
}

function packTable(entries: readonly IndexEntry[], at: number) {
  const offsets = new Map<string, number>()
  let names = ""
  for (const { pack } of entries) {
    if (offsets.has(pack)) continue
    offsets.set(pack, at + names.length)
    names += pack
  }
  return { offsetOf: (pack: string) => offsets.get(pack) ?? 0, names: Buffer.from(names) }
}

function keyOf({ contentId }: IndexEntry): Buffer {
  return contentId.length % 2 === 1
    ? Buffer.concat([Buffer.from(contentId.slice(0, 1)), Buffer.from(contentId.slice(1), "hex")])
    : Buffer.concat([Buffer.of(0), Buffer.from(contentId, "hex")])
}
