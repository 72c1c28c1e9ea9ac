import { isAscii, isUtf8 } from "node:buffer"
import type { SnapshotContents, SnapshotEntry } from "../contents.js"
import { type ArchiveItem, archiveItems, type ArchiveOptions } from "./archive-items.js"
import {
  MOST_ID,
  MOST_SIZE,
  paxRecord,
  TAR_END,
  type TarFields,
  tarHeader,
  tarPadding,
  type TarType,
} from "./tar-header.js"

/**
 * A directory as a tar archive, in pieces: names and targets as bytes, times to the nanosecond, owners, modes, links, devices, FIFOs and
 * extended attributes (as GNU tar and bsdtar keep them). Sockets are left out. Written here and not by a package: those that there are
 * take names and attributes for UTF-8, times for 32 bits, and mode 0 for none.
 */
export async function* tarArchive(
  contents: SnapshotContents,
  directory: SnapshotEntry,
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array> {
  let isBetween = true
  try {
    for await (const item of archiveItems(contents, directory, { ...options, hardLinks: true })) {
      const type = typeOf(item)
      if (type === undefined) {
        options.onLoss?.(item.path, "kind")
        continue
      }
      const size = item.body === undefined ? 0 : item.size
      yield headersOf(item, type, size)
      if (item.body === undefined) continue
      isBetween = false
      yield* item.body
      yield tarPadding(size)
      isBetween = true
    }
  } catch (error) {
    // Readers take an archive that ends between two entries for whole, even without its end.
    if (isBetween) yield BROKEN_OFF
    throw error
  }
  yield TAR_END
}

function typeOf({ link, entry }: ArchiveItem): TarType | undefined {
  if (link !== undefined) return "link"
  return entry.kind === "socket" || entry.kind === "unknown" ? undefined : entry.kind
}

function headersOf(item: ArchiveItem, type: TarType, size: number): Buffer {
  const { entry, path } = item
  const name = type === "directory" ? Buffer.concat([path, Buffer.from("/")]) : path
  const link = item.link ?? item.target ?? new Uint8Array()
  const modified = entry.modified ?? 0n
  const fields: TarFields = {
    name: fits(name) ? textOf(name) : STAND_IN,
    link: fits(link) ? textOf(link) : STAND_IN,
    type,
    mode: type === "symlink" ? 0o777 : (entry.mode ?? (type === "directory" ? 0o755 : 0o644)),
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    size,
    modified: Number(modified / SECOND),
    ...deviceOf(entry),
  }
  const records = recordsOf(fields, { name, link, modified, entry })
  if (records.length === 0) return tarHeader(fields)
  const pax = { ...fields, name: STAND_IN, link: "", type: "pax" as const, size: records.length }
  return Buffer.concat([tarHeader(pax), records, tarPadding(records.length), tarHeader(fields)])
}

const SECOND = 1_000_000_000n
/** Where a name does not fit into the header; never a name that could do harm to a reader that knows no pax. */
const STAND_IN = "PaxHeaders/entry"

/** Announces records, which do not come: a reader finds that the archive ends too early. */
const BROKEN_OFF = tarHeader({
  name: STAND_IN,
  link: "",
  type: "pax",
  mode: 0o600,
  uid: 0,
  gid: 0,
  size: 512,
  modified: 0,
  major: 0,
  minor: 0,
})

interface Exact {
  readonly name: Uint8Array
  readonly link: Uint8Array
  readonly modified: bigint
  readonly entry: SnapshotEntry
}

/** Whatever the header cannot say exactly. */
function recordsOf(fields: TarFields, { name, link, modified, entry }: Exact): Buffer {
  const records: Buffer[] = []
  const hasBytes = ![name, link].every((bytes) => isUtf8(bytes))
  // Says that the values are no UTF-8, which they have to be otherwise.
  if (hasBytes) records.push(paxRecord("hdrcharset", "BINARY"))
  if (!fits(name)) records.push(paxRecord("path", name))
  if (!fits(link)) records.push(paxRecord("linkpath", link))
  if (modified % SECOND !== 0n || modified < 0n || modified / SECOND > BigInt(MOST_SIZE))
    records.push(paxRecord("mtime", decimal(modified)))
  if (fields.uid > MOST_ID) records.push(paxRecord("uid", String(fields.uid)))
  if (fields.gid > MOST_ID) records.push(paxRecord("gid", String(fields.gid)))
  if (fields.size > MOST_SIZE) records.push(paxRecord("size", String(fields.size)))
  for (const attribute of fields.type === "link" ? [] : entry.attributes) {
    const key = attribute.name.replace(/[%=]/g, (one) => (one === "%" ? "%25" : "%3D"))
    records.push(paxRecord(`SCHILY.xattr.${key}`, attribute.value))
  }
  return Buffer.concat(records)
}

function fits(bytes: Uint8Array): boolean {
  return bytes.length <= 100 && isAscii(bytes)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1")
}

/** Seconds with their fraction. */
function decimal(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const fraction = (size % SECOND).toString().padStart(9, "0").replace(/0+$/, "")
  return `${nanoseconds < 0n ? "-" : ""}${size / SECOND}${fraction === "" ? "" : `.${fraction}`}`
}

/** As Linux packs both into one number. */
function deviceOf({ device = 0 }: SnapshotEntry): { readonly major: number; readonly minor: number } {
  const number = BigInt(device)
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn)),
    minor: Number((number & 0xffn) | ((number >> 12n) & ~0xffn & 0xffff_ffffn)),
  }
}
