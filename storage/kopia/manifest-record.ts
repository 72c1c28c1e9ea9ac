import type { Snapshot, SnapshotSource } from "../repository.js"
import type { ManifestEntry } from "./manifest-content.js"
import type { KopiaPolicy } from "./policy.js"
import type { Sources } from "./snapshot.js"

// What is remembered of a content with manifests. The engine's JSON is a kilobyte for each snapshot, most of it of no use
// here; kept as rows it is a fifth of that, and a start with ten thousand snapshots is as much faster.

type SourceRow = readonly [user: string, host: string, path: string]
type SnapshotRow = readonly [
  source: number,
  start: string,
  end: string | null,
  incomplete: string | null,
  root: string | null,
  bytes: number | null,
  files: number | null,
  failedFiles: number,
  tags: readonly string[],
  pins: readonly string[],
  description: string,
]
type Row = readonly [
  id: string,
  modified: string,
  deleted: boolean,
  snapshot: SnapshotRow | null,
  policy: KopiaPolicy | null,
]

const none: readonly string[] = []

export function packManifests(entries: readonly ManifestEntry[]): Uint8Array {
  const sources = new Map<SnapshotSource, number>()
  const sourceRows: SourceRow[] = []
  const numberOf = (source: SnapshotSource) => {
    let number = sources.get(source)
    if (number === undefined) {
      number = sources.size
      sources.set(source, number)
      sourceRows.push([source.user, source.host, source.paths[0] ?? ""])
    }
    return number
  }
  const rows = entries.map(({ id, modified, deleted, snapshot, policy }): Row => [
    id,
    modified.toString(),
    deleted,
    snapshot === undefined ? null : packSnapshot(snapshot, numberOf(snapshot.source)),
    policy ?? null,
  ])
  return Buffer.from(JSON.stringify([sourceRows, rows]))
}

/** Undefined for bytes that `packManifests` did not write: the content is then simply read again. */
export function unpackManifests(bytes: Uint8Array, sources: Sources): ManifestEntry[] | undefined {
  try {
    const [sourceRows, rows] = JSON.parse(Buffer.from(bytes).toString("utf8")) as [SourceRow[], Row[]]
    const known = sourceRows.map(([user, host, path]) => sources.of(user, host, path))
    return rows.map(([id, modified, deleted, snapshot, policy]) => ({
      id,
      modified: BigInt(modified),
      deleted,
      snapshot: snapshot === null ? undefined : unpackSnapshot(id, snapshot, known),
      policy: policy ?? undefined,
    }))
  } catch {
    return undefined
  }
}

function packSnapshot(snapshot: Snapshot, source: number): SnapshotRow {
  return [
    source,
    snapshot.start.toString(),
    snapshot.end?.toString() ?? null,
    snapshot.incomplete ?? null,
    snapshot.root ?? null,
    snapshot.bytes ?? null,
    snapshot.files ?? null,
    snapshot.failedFiles,
    snapshot.tags,
    snapshot.pins,
    snapshot.description,
  ]
}

function unpackSnapshot(id: string, row: SnapshotRow, sources: readonly SnapshotSource[]): Snapshot {
  const [number, start, end, incomplete, root, bytes, files, failedFiles, tags, pins, description] = row
  const source = sources[number]
  if (source === undefined) throw new RangeError(`source ${number} of ${sources.length}`)
  return {
    id,
    source,
    start: BigInt(start),
    end: end === null ? undefined : BigInt(end),
    incomplete: incomplete ?? undefined,
    root: root ?? undefined,
    bytes: bytes ?? undefined,
    files: files ?? undefined,
    failedFiles,
    // One empty list serves all: most snapshots have neither tags nor pins.
    tags: tags.length === 0 ? none : tags,
    pins: pins.length === 0 ? none : pins,
    description,
  }
}
