import { gunzipSync } from "node:zlib"
import { isJsonObject, JsonFields, parseJson } from "../bytes/index.js"
import { asCorrupt } from "../errors.js"
import { parseTime, type Instant } from "../instant.js"
import type { Snapshot } from "../repository.js"
import { parsePolicy, type KopiaPolicy } from "./policy.js"
import { parseSnapshot, type Sources } from "./snapshot.js"
import { splitEntries } from "./split-entries.js"

/** One version of one manifest. The latest version of an id counts, and may say that the manifest is deleted. */
export interface ManifestEntry {
  readonly id: string
  readonly modified: Instant
  readonly deleted: boolean
  readonly snapshot: Snapshot | undefined
  readonly policy: KopiaPolicy | undefined
}

// What gzip can at most make of its input, and room for its smallest outputs.
const GZIP_RATIO = 1_032
const GZIP_LEAST = 64 * 1024
/** A kilobyte for each snapshot: so many has nobody in one content. */
const GZIP_MOST = 256 * 1024 * 1024

/** Takes the gzip off a content with prefix `m` (kopia-repository-format §11). `what` names it in errors. */
export function unzipManifests(bytes: Uint8Array, what: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.min(bytes.length * GZIP_RATIO + GZIP_LEAST, GZIP_MOST) })
  } catch (cause) {
    throw asCorrupt(cause, what, "does not unzip")
  }
}

/**
 * Parses the JSON of such a content, one manifest after the other. Manifests of types that no list needs are kept as ids, so
 * that deletions meet them.
 */
export function* parseManifests(json: Uint8Array, what: string, sources: Sources): Generator<ManifestEntry> {
  const parts = splitEntries(json)
  if (parts === undefined) {
    const entries = new JsonFields(parseJson(json, what), what).optionalArray("entries") ?? []
    for (const value of entries) yield parseEntry(new JsonFields(value, what), what, sources)
    return
  }
  for (const [start, end] of parts)
    yield parseEntry(new JsonFields(parseJson(json.subarray(start, end), what), what), what, sources)
}

function parseEntry(fields: JsonFields, what: string, sources: Sources): ManifestEntry {
  const id = fields.string("id")
  const deleted = fields.optionalBoolean("deleted") ?? false
  const labels = fields.get("labels")
  const type = isJsonObject(labels) ? labels.type : undefined
  const where = `${what}: manifest ${id}`
  return {
    id,
    modified: parseTime(fields.string("modified")).instant,
    deleted,
    snapshot:
      !deleted && type === "snapshot" ? parseSnapshot(id, fields.get("data"), where, sources) : undefined,
    policy:
      !deleted && type === "policy" && isJsonObject(labels)
        ? parsePolicy(id, labels, fields.get("data"), where)
        : undefined,
  }
}
