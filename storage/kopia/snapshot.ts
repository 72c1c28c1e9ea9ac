import { isJsonObject, JsonFields } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { parseTime, type Instant } from "../instant.js"
import type { Snapshot, SnapshotSource } from "../repository.js"

const none: readonly string[] = []

// Go's zero time stands for "none".
const YEAR_ONE = parseTime("0001-01-01T00:00:00Z").instant

/** Keeps one object per source: a repository has a hundred thousand snapshots of a few hundred sources. */
export class Sources {
  readonly #known = new Map<string, SnapshotSource>()

  of(user: string, host: string, path: string): SnapshotSource {
    const key = `${user.length} ${host.length} ${user}${host}${path}`
    let source = this.#known.get(key)
    if (source === undefined) {
      source = { user, host, paths: [path] }
      this.#known.set(key, source)
    }
    return source
  }
}

/** Reads the data of a snapshot manifest (kopia-repository-format §11.1); the id is the manifest's, stored outside it. */
export function parseSnapshot(id: string, data: unknown, what: string, sources: Sources): Snapshot {
  const fields = new JsonFields(data, what)
  const source = fields.object("source")
  const root = fields.optionalObject("rootEntry")
  const summary = root?.optionalObject("summ")
  const stats = fields.optionalObject("stats")
  const single = root?.optionalString("type") === "f"
  return {
    id,
    source: sources.of(
      source.optionalString("userName") ?? "",
      source.optionalString("host") ?? "",
      source.optionalString("path") ?? "",
    ),
    start: instant(fields.string("startTime"), what),
    end: optionalInstant(fields.optionalString("endTime"), what),
    incomplete: fields.optionalString("incomplete") || undefined,
    root: root?.optionalString("obj"),
    // The statistics count what one run of the writer handled: a checkpoint's say 0 files, and a run that found most files
    // unchanged counts some twice. The summary is of the tree itself, and is what the engine shows.
    bytes:
      summary?.optionalNumber("size") ??
      (single ? root.optionalNumber("size") : undefined) ??
      stats?.optionalNumber("totalSize"),
    files: summary?.optionalNumber("files") ?? (single ? 1 : stats?.optionalNumber("fileCount")),
    failedFiles: summary?.optionalNumber("numFailed") ?? stats?.optionalNumber("errorCount") ?? 0,
    tags: tags(fields.get("tags"), what),
    pins: fields.optionalStrings("pins") ?? none,
    description: fields.optionalString("description") ?? "",
  }
}

function tags(value: unknown, what: string): readonly string[] {
  if (value === undefined) return none
  if (!isJsonObject(value)) {
    throw new StorageError("corrupt", `${what}: tags are not a JSON object`, { facts: { file: what } })
  }
  return Object.entries(value)
    .map(([key, tag]) => {
      if (typeof tag !== "string") {
        throw new StorageError("corrupt", `${what}: a tag is not a string`, { facts: { file: what } })
      }
      return `${key.startsWith("tag:") ? key.slice("tag:".length) : key}:${tag}`
    })
    .sort()
}

function optionalInstant(text: string | undefined, what: string): Instant | undefined {
  if (text === undefined) return undefined
  const time = instant(text, what)
  return time === YEAR_ONE ? undefined : time
}

function instant(text: string, what: string): Instant {
  try {
    return parseTime(text).instant
  } catch (cause) {
    throw new StorageError("corrupt", `${what}: a time is none`, { facts: { file: what }, cause })
  }
}
