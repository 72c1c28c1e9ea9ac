// One header of a tar archive: POSIX.1-2001 (pax), which every tar of today reads.

const BLOCK = 512

export type TarType =
  "file" | "link" | "symlink" | "character_device" | "block_device" | "directory" | "fifo" | "pax"

const flags: Readonly<Record<TarType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  character_device: "3",
  block_device: "4",
  directory: "5",
  fifo: "6",
  pax: "x",
}

export interface TarFields {
  /** At most 100 bytes of ASCII, as is the link; longer and other ones are in the pax records before. */
  readonly name: string
  readonly link: string
  readonly type: TarType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  /** Seconds since 1970. */
  readonly modified: number
  readonly major: number
  readonly minor: number
}

/** The largest number that six or seven octal digits hold: what the fields of owners and devices take. */
export const MOST_ID = 0o7777777
/** Eleven octal digits. */
export const MOST_SIZE = 0o77777777777

/** 512 bytes. Numbers that do not fit are left to the pax records and are here as large as can be. */
export function tarHeader(fields: TarFields): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(fields.name, 0, 100, "latin1")
  octal(header, fields.mode, 100, 8)
  octal(header, Math.min(fields.uid, MOST_ID), 108, 8)
  octal(header, Math.min(fields.gid, MOST_ID), 116, 8)
  octal(header, Math.min(fields.size, MOST_SIZE), 124, 12)
  octal(header, Math.min(Math.max(0, fields.modified), MOST_SIZE), 136, 12)
  header.write(flags[fields.type], 156, "latin1")
  header.write(fields.link, 157, 100, "latin1")
  header.write("ustar\x0000", 257, "latin1")
  octal(header, Math.min(fields.major, MOST_ID), 329, 8)
  octal(header, Math.min(fields.minor, MOST_ID), 337, 8)
  header.fill(" ", 148, 156)
  const sum = header.reduce((all, byte) => all + byte, 0)
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1")
  return header
}

/** What follows `size` bytes up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}

/** Two blocks of zeros: without them an archive is not whole. */
export const TAR_END = Buffer.alloc(2 * BLOCK)

/** One pax record: its length, which counts itself, the key and the value, which may be any bytes. */
export function paxRecord(key: string, value: Uint8Array | string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from("\n")])
  let digits = 1
  while (String(rest.length + digits).length > digits) digits++
  return Buffer.concat([Buffer.from(String(rest.length + digits)), rest])
}

function octal(header: Buffer, value: number, at: number, width: number): void {
  header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1")
}
