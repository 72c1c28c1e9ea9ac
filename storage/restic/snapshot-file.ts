import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { type Instant, parseTime } from "../instant.js"
import type { Snapshot } from "../repository.js"
import { naming } from "./hash-named.js"

/** Bytes as stored, and bytes of JSON: a list of excludes can make a snapshot file long. */
export const LONGEST_SNAPSHOT_FILE = 16 * 1024 * 1024
export const LONGEST_SNAPSHOT_JSON = 64 * 1024 * 1024

// How Go writes "no time": `restic rewrite --snapshot-summary` fills in the sizes only.
const NO_TIME = parseTime("0001-01-01T00:00:00Z").instant

/** The snapshot in the JSON of `snapshots/<id>` (restic-repository-format §8). */
export function parseSnapshot(json: Uint8Array, id: string): Snapshot {
  const file = `snapshots/${id}`
  return naming(file, () => {
    const fields = new JsonFields(parseJson(json, file), file)
    const root = fields.string("tree")
    if (!/^[0-9a-f]{64}$/.test(root)) {
      throw new StorageError("corrupt", `${file}: tree is not 64 hex digits`, { facts: { file } })
    }
    const summary = fields.optionalObject("summary")
    return {
      id,
      source: {
        user: fields.optionalString("username") ?? "",
        host: fields.optionalString("hostname") ?? "",
        // The file keeps the order of the command line; restic shows and compares them sorted.
        paths: [...(fields.optionalStrings("paths") ?? [])].sort(),
      },
      start: parseTime(fields.string("time")).instant,
      end: readEnd(summary),
      incomplete: undefined,
      root,
      bytes: readCount(summary, "total_bytes_processed", file),
      files: readCount(summary, "total_files_processed", file),
      failedFiles: 0,
      tags: [...(fields.optionalStrings("tags") ?? [])].sort(),
      pins: [],
      description: "",
    }
  })
}

function readEnd(summary: JsonFields | undefined): Instant | undefined {
  const text = summary?.optionalString("backup_end")
  const end = text === undefined ? undefined : parseTime(text).instant
  return end === NO_TIME ? undefined : end
}

function readCount(summary: JsonFields | undefined, name: string, file: string): number | undefined {
  const count = summary?.optionalNumber(name)
  if (count === undefined || (Number.isInteger(count) && count >= 0)) return count
  throw new StorageError("corrupt", `${file}: ${name} is not a count`, { facts: { file } })
}
