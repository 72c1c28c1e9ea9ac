import { scanIndex } from "./index-blob.js"
import type { IndexEntry } from "./index-entry.js"
import { contentIdOf, MANIFEST_PREFIX } from "./index-key.js"

/** What is kept of one index blob: an index may name a million contents, a listing needs those that hold manifests. */
export interface IndexRecord {
  readonly entryCount: number
  readonly manifests: readonly IndexEntry[]
  /** Ids of some of the other contents, spread over the index: found again elsewhere, they tell that it was compacted. */
  readonly witnesses: readonly string[]
}

const WITNESSES = 16

/** Reads the plaintext of an index blob. Throws as `scanIndex` does. */
export function recordIndex(bytes: Uint8Array, file: string): IndexRecord {
  let others = 0
  const { entryCount, entries } = scanIndex(bytes, file, (key) => {
    if (key[0] === MANIFEST_PREFIX) return true
    others++
    return false
  })
  // A second pass, because only now is it known how many there are to choose from.
  const witnesses: string[] = []
  let position = 0
  scanIndex(bytes, file, (key) => {
    if (key[0] === MANIFEST_PREFIX) return false
    if (position++ * WITNESSES >= witnesses.length * others) witnesses.push(contentIdOf(key, file))
    return false
  })
  return { entryCount, manifests: entries, witnesses }
}

type Row = readonly [string, number, boolean, string, number, number, number, number, number]

/** For the memory of immutable blobs. */
export function packRecord({ entryCount, manifests, witnesses }: IndexRecord): Uint8Array {
  const rows = manifests.map((entry): Row => [
    entry.contentId,
    entry.timestamp,
    entry.deleted,
    entry.pack,
    entry.offset,
    entry.packedLength,
    entry.originalLength,
    entry.compression,
    entry.encryptionKeyId,
  ])
  return Buffer.from(JSON.stringify([entryCount, rows, witnesses]))
}

/** Undefined for bytes that `packRecord` did not write: the blob is then simply read again. */
export function unpackRecord(bytes: Uint8Array): IndexRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"))
  } catch {
    return undefined
  }
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [entryCount, rows, witnesses] = value as unknown[]
  if (typeof entryCount !== "number" || !Array.isArray(rows) || !rows.every(isRow)) return undefined
  if (!Array.isArray(witnesses) || !witnesses.every((id) => typeof id === "string")) return undefined
  const manifests = rows.map(
    ([
      contentId,
      timestamp,
      deleted,
      pack,
      offset,
      packedLength,
      originalLength,
      compression,
      encryptionKeyId,
    ]) => ({
      contentId,
      timestamp,
      deleted,
      pack,
      offset,
      packedLength,
      originalLength,
      compression,
      encryptionKeyId,
    }),
  )
  return { entryCount, manifests, witnesses }
}

function isRow(value: unknown): value is Row {
  const shape = [
    "string",
    "number",
    "boolean",
    "string",
    "number",
    "number",
    "number",
    "number",
    "number",
  ] as const
  return (
    Array.isArray(value) &&
    value.length === shape.length &&
    shape.every((type, at) => typeof value[at] === type)
  )
}
