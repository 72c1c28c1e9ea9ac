import type { Instant } from "../instant.js"
import type { ManifestEntry } from "./manifest-content.js"
import type { Snapshot, SnapshotSource } from "../repository.js"

// What is remembered of a content with manifests, on the disk and in memory alike. The engine's JSON is a kilobyte for each
// snapshot, most of it of no use here, and as objects it would be half of that; as rows it is a tenth. Little-endian.
//
//    0..3   "CMR2"
//    4..7   row count
//    8..    rows; then the tail as JSON: [sources as [user, host, path], texts]
//
// A row. Numbers of texts and sources count in the tail.
//
//    0..15  id, or 0..3 the number of its text
//   16..31  hash of the root, or 16..19 the number of the root's text
//   32..39  modified, seconds as a double       72..75  its nanoseconds
//   40..47  start, seconds as a double          76..79  its nanoseconds
//   48..55  end, seconds as a double, or NaN    80..83  its nanoseconds
//   56..63  bytes as a double, or NaN
//   64..71  files as a double, or NaN
//   84..87  number of the source (snapshots)
//   88..91  number of a text (snapshots: the rest, as JSON; policies: all of it)
//   92      flags
//   93      form of the root: 0 none, 1 text, from 2 on a prefix before the hash
export const HEADER = 8
export const ROW = 96
export const MAGIC = 0x32524d43
export const ID_AT = 0
export const ROOT_AT = 16
export const HASH = 16
export const MODIFIED_AT = 32
export const START_AT = 40
export const END_AT = 48
export const BYTES_AT = 56
export const FILES_AT = 64
export const SOURCE_AT = 84
export const TEXT_AT = 88
export const FLAGS_AT = 92
export const ROOT_FORM_AT = 93
/** From the seconds of a time to its nanoseconds, by the place of the seconds. */
export const NANOSECONDS_AT: Readonly<Record<number, number>> = {
  [MODIFIED_AT]: 72,
  [START_AT]: 76,
  [END_AT]: 80,
}

export const DELETED = 1
export const SNAPSHOT = 2
export const POLICY = 4
export const ID_IS_TEXT = 8

export const NO_ROOT = 0
export const ROOT_IS_TEXT = 1
export const FIRST_PREFIX = 2
/** What stands before the hash in the ids of objects: directories, large directories, files, large files. */
export const PREFIXES = ["k", "Ik", "", "I"]

export type SourceRow = readonly [user: string, host: string, path: string]
/** What few snapshots have. */
export type Rest = readonly [
  incomplete: string | null,
  failedFiles: number,
  tags: readonly string[],
  pins: readonly string[],
  description: string,
]
export type Tail = readonly [sources: readonly SourceRow[], texts: readonly string[]]

const SECOND = 1_000_000_000n

/** Packs the manifests of one content, one after the other, so that they need not all be there at once. */
export function packManifests(entries: Iterable<ManifestEntry>): Uint8Array {
  const tail = new TailWriter()
  let bytes = Buffer.alloc(HEADER + 64 * ROW)
  let count = 0
  for (const entry of entries) {
    const at = HEADER + count++ * ROW
    if (at + ROW > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)])
    writeRow(bytes.subarray(at, at + ROW), entry, tail)
  }
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(count, 4)
  return Buffer.concat([bytes.subarray(0, HEADER + count * ROW), Buffer.from(tail.json())])
}

function writeRow(row: Buffer, entry: ManifestEntry, tail: TailWriter): void {
  const { id, modified, deleted, snapshot, policy } = entry
  let flags = deleted ? DELETED : 0
  if (isHash(id)) row.write(id, ID_AT, "hex")
  else {
    flags |= ID_IS_TEXT
    row.writeUInt32LE(tail.text(id), ID_AT)
  }
  writeTime(row, MODIFIED_AT, modified)
  if (snapshot !== undefined) {
    flags |= SNAPSHOT
    writeSnapshot(row, snapshot, tail)
  } else if (policy !== undefined) {
    flags |= POLICY
    row.writeUInt32LE(tail.text(JSON.stringify(policy)), TEXT_AT)
  }
  row.writeUInt8(flags, FLAGS_AT)
}

function writeSnapshot(row: Buffer, snapshot: Snapshot, tail: TailWriter): void {
  const { source, start, end, incomplete, root, bytes, files, failedFiles, tags, pins, description } =
    snapshot
  writeTime(row, START_AT, start)
  if (end === undefined) row.writeDoubleLE(NaN, END_AT)
  else writeTime(row, END_AT, end)
  row.writeDoubleLE(bytes ?? NaN, BYTES_AT)
  row.writeDoubleLE(files ?? NaN, FILES_AT)
  row.writeUInt32LE(tail.source(source), SOURCE_AT)
  const rest: Rest = [incomplete ?? null, failedFiles, tags, pins, description]
  row.writeUInt32LE(tail.text(JSON.stringify(rest)), TEXT_AT)
  row.writeUInt8(writeRoot(row, root, tail), ROOT_FORM_AT)
}

function writeRoot(row: Buffer, root: string | undefined, tail: TailWriter): number {
  if (root === undefined) return NO_ROOT
  const hash = root.slice(-2 * HASH)
  const prefix = PREFIXES.indexOf(root.slice(0, -2 * HASH))
  if (prefix >= 0 && isHash(hash)) {
    row.write(hash, ROOT_AT, "hex")
    return FIRST_PREFIX + prefix
  }
  row.writeUInt32LE(tail.text(root), ROOT_AT)
  return ROOT_IS_TEXT
}

function writeTime(row: Buffer, at: number, instant: Instant): void {
  // Rounded down, so that the nanoseconds count up also before 1970.
  const nanoseconds = ((instant % SECOND) + SECOND) % SECOND
  row.writeDoubleLE(Number((instant - nanoseconds) / SECOND), at)
  row.writeUInt32LE(Number(nanoseconds), NANOSECONDS_AT[at] ?? 0)
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

/** Each source and each text once. */
class TailWriter {
  readonly #sources = new Map<SnapshotSource, number>()
  readonly #sourceRows: SourceRow[] = []
  readonly #texts = new Map<string, number>()

  source(source: SnapshotSource): number {
    const known = this.#sources.get(source)
    if (known !== undefined) return known
    this.#sources.set(source, this.#sourceRows.length)
    return this.#sourceRows.push([source.user, source.host, source.paths[0] ?? ""]) - 1
  }

  text(text: string): number {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    this.#texts.set(text, this.#texts.size)
    return this.#texts.size - 1
  }

  json(): string {
    const tail: Tail = [this.#sourceRows, [...this.#texts.keys()]]
    return JSON.stringify(tail)
  }
}
