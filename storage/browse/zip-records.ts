// The records of a zip file (APPNOTE 6.3), with the larger numbers of ZIP64 where they are needed.

const UTF8 = 0x0800
const SIZES_FOLLOW = 0x0008
const MOST_16 = 0xffff
const MOST_32 = 0xffff_ffff
const UNIX = 3 * 256 + 63

export interface ZipEntry {
  readonly name: Buffer
  /** With the bits that say what it is. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Seconds since 1970. */
  readonly modified: number
  readonly isDeflated: boolean
  /** The sizes are told behind the bytes, because they are not known before. */
  readonly sizesFollow: boolean
  /** Eight bytes for the sizes; the same before and behind the bytes. */
  readonly isLarge: boolean
}

export interface ZipSizes {
  readonly crc: number
  readonly stored: number
  readonly size: number
}

const NONE: ZipSizes = { crc: 0, stored: 0, size: 0 }

/** What stands before an entry's bytes. */
export function localHeader(entry: ZipEntry, sizes: ZipSizes | undefined): Buffer {
  const extra = extraFields(entry, entry.isLarge ? [sizes?.size ?? 0, sizes?.stored ?? 0] : [])
  const { crc, stored, size } = sizes ?? NONE
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  common(entry, header, 4)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(entry.isLarge ? MOST_32 : stored, 18)
  header.writeUInt32LE(entry.isLarge ? MOST_32 : size, 22)
  header.writeUInt16LE(entry.name.length, 26)
  header.writeUInt16LE(extra.length, 28)
  return Buffer.concat([header, entry.name, extra])
}

/** What stands behind the bytes of an entry whose sizes follow. */
export function dataDescriptor({ isLarge }: ZipEntry, { crc, stored, size }: ZipSizes): Buffer {
  const record = Buffer.alloc(isLarge ? 24 : 16)
  record.writeUInt32LE(0x08074b50, 0)
  record.writeUInt32LE(crc, 4)
  if (isLarge) {
    record.writeBigUInt64LE(BigInt(stored), 8)
    record.writeBigUInt64LE(BigInt(size), 16)
  } else {
    record.writeUInt32LE(stored, 8)
    record.writeUInt32LE(size, 12)
  }
  return record
}

/** An entry in the list at the end. */
export function centralRecord(entry: ZipEntry, { crc, stored, size }: ZipSizes, offset: number): Buffer {
  const isFar = offset >= MOST_32
  const large = [...(entry.isLarge ? [size, stored] : []), ...(isFar ? [offset] : [])]
  const extra = extraFields(entry, large)
  const record = Buffer.alloc(46)
  record.writeUInt32LE(0x02014b50, 0)
  record.writeUInt16LE(UNIX, 4)
  common(entry, record, 6)
  record.writeUInt32LE(crc, 16)
  record.writeUInt32LE(entry.isLarge ? MOST_32 : stored, 20)
  record.writeUInt32LE(entry.isLarge ? MOST_32 : size, 24)
  record.writeUInt16LE(entry.name.length, 28)
  record.writeUInt16LE(extra.length, 30)
  record.writeUInt32LE(entry.mode * 0x1_0000, 38)
  record.writeUInt32LE(isFar ? MOST_32 : offset, 42)
  return Buffer.concat([record, entry.name, extra])
}

/** The end of a zip file, behind its list. */
export function endRecords(entries: number, listOffset: number, listLength: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(entries, MOST_16), 8)
  end.writeUInt16LE(Math.min(entries, MOST_16), 10)
  end.writeUInt32LE(Math.min(listLength, MOST_32), 12)
  end.writeUInt32LE(Math.min(listOffset, MOST_32), 16)
  if (entries < MOST_16 && listLength < MOST_32 && listOffset < MOST_32) return end
  const large = Buffer.alloc(56)
  large.writeUInt32LE(0x06064b50, 0)
  large.writeBigUInt64LE(44n, 4)
  large.writeUInt16LE(UNIX, 12)
  large.writeUInt16LE(45, 14)
  large.writeBigUInt64LE(BigInt(entries), 24)
  large.writeBigUInt64LE(BigInt(entries), 32)
  large.writeBigUInt64LE(BigInt(listLength), 40)
  large.writeBigUInt64LE(BigInt(listOffset), 48)
  const where = Buffer.alloc(20)
  where.writeUInt32LE(0x07064b50, 0)
  where.writeBigUInt64LE(BigInt(listOffset + listLength), 8)
  where.writeUInt32LE(1, 16)
  return Buffer.concat([large, where, end])
}

/** From the version that is needed to the date: the same in both records. */
function common(entry: ZipEntry, record: Buffer, at: number): void {
  const { time, date } = dosTime(entry.modified)
  record.writeUInt16LE(entry.isLarge ? 45 : 20, at)
  record.writeUInt16LE(UTF8 + (entry.sizesFollow ? SIZES_FOLLOW : 0), at + 2)
  record.writeUInt16LE(entry.isDeflated ? 8 : 0, at + 4)
  record.writeUInt16LE(time, at + 6)
  record.writeUInt16LE(date, at + 8)
}

/** Time (where 32 bits hold it), owner, and numbers that have eight bytes. */
function extraFields({ modified, uid, gid }: ZipEntry, large: readonly number[]): Buffer {
  const fields: Buffer[] = []
  if (modified >= -0x8000_0000 && modified <= 0x7fff_ffff) {
    const time = Buffer.from("5554050001".concat("00000000"), "hex")
    time.writeInt32LE(modified, 5)
    fields.push(time)
  }
  const owner = Buffer.from("75780b00010400000000".concat("0400000000"), "hex")
  owner.writeUInt32LE(uid, 6)
  owner.writeUInt32LE(gid, 11)
  fields.push(owner)
  if (large.length > 0) {
    const numbers = Buffer.alloc(4 + 8 * large.length)
    numbers.writeUInt16LE(1, 0)
    numbers.writeUInt16LE(8 * large.length, 2)
    for (const [at, number] of large.entries()) numbers.writeBigUInt64LE(BigInt(number), 4 + 8 * at)
    fields.push(numbers)
  }
  return Buffer.concat(fields)
}

const FIRST = Date.UTC(1980, 0, 1)
const LAST = Date.UTC(2107, 11, 31, 23, 59, 58)

/** UTC, in steps of two seconds, from 1980 to 2107. */
function dosTime(modified: number): { readonly time: number; readonly date: number } {
  const when = new Date(Math.min(Math.max(modified * 1000, FIRST), LAST))
  return {
    time: when.getUTCHours() * 2048 + when.getUTCMinutes() * 32 + (when.getUTCSeconds() >> 1),
    date: (when.getUTCFullYear() - 1980) * 512 + (when.getUTCMonth() + 1) * 32 + when.getUTCDate(),
  }
}
