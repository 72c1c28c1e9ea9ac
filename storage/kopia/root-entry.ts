import { isJsonObject, JsonFields, parseJson } from "../bytes/index.js"
import type { SnapshotEntry } from "../contents.js"
import { parseTime } from "../instant.js"
import type { ContentReader } from "./content-reader.js"
import type { IndexEntry } from "./index-entry.js"
import { type EntryMetadata, parseMetadata } from "./directory-object.js"
import { unzipManifests } from "./manifest-content.js"
import { splitEntries } from "./split-entries.js"

/**
 * The owner, mode and time of a snapshot's root, which only its manifest has (kopia-repository-format §11.1). Lists do without, so that
 * the manifest is looked for among all contents with manifests: a repository of a hundred thousand snapshots takes seconds. Undefined
 * when none of them is this snapshot's any more, or it records no root. Throws as contents are read.
 */
export async function readRootEntry(
  contents: ContentReader,
  manifests: Iterable<Pick<IndexEntry, "contentId">>,
  snapshotId: string,
): Promise<EntryMetadata | undefined> {
  let found: EntryMetadata | undefined
  let latest: bigint | undefined
  for (const { contentId } of manifests) {
    const what = `content ${contentId}`
    const json = unzipManifests(await contents.read(contentId), what)
    // Most have to be unzipped only.
    if (!Buffer.from(json.buffer, json.byteOffset, json.length).includes(snapshotId)) continue
    for (const fields of manifestsIn(json, what)) {
      if (fields.string("id") !== snapshotId) continue
      const modified = parseTime(fields.string("modified")).instant
      if (latest !== undefined && modified <= latest) continue
      latest = modified
      found = rootOf(fields, `${what}: manifest ${snapshotId}`)
    }
  }
  return found
}

function* manifestsIn(json: Uint8Array, what: string): Generator<JsonFields> {
  const parts = splitEntries(json)
  if (parts === undefined) {
    const entries = new JsonFields(parseJson(json, what), what).optionalArray("entries") ?? []
    for (const entry of entries) yield new JsonFields(entry, what)
    return
  }
  for (const [start, end] of parts) yield new JsonFields(parseJson(json.subarray(start, end), what), what)
}

function rootOf(fields: JsonFields, what: string): EntryMetadata | undefined {
  const data = fields.get("data")
  if (!isJsonObject(data)) return undefined
  const root = new JsonFields(data, what).optionalObject("rootEntry")
  return root === undefined ? undefined : parseMetadata(root, what)
}

/** The root with what its manifest says of it. */
export function withMetadata(root: SnapshotEntry, metadata: EntryMetadata | undefined): SnapshotEntry {
  return metadata === undefined ? root : { ...root, ...metadata }
}
