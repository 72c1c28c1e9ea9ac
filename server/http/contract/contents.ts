import { z } from "zod"
import type { ChangeJson, DiffSummary, EntryJson, FoundJson } from "../../contents/index.js"

// What is in snapshots, over the admin socket like contract/admin.ts. Every path here takes, in its query, whose snapshots are meant:
// `repository` (a declared name) with `repositoryPath` (its path in its store, where the name stands for many), or `namespace`, `pvc`
// and, where there are several, `cluster`. A snapshot is an id, the beginning of one, or `latest`. Paths in snapshots are relative to
// their root. 503 `store_hangs`, `busy`, `still_reading`: ask again.

const count = z.int().min(0)
const problem = z.strictObject({ code: z.string(), message: z.string() })
const pathShape = { path: z.string().exactOptional(), pathBase64: z.string().exactOptional() }
const entryKind = z.enum([
  "file",
  "directory",
  "symlink",
  "block_device",
  "character_device",
  "fifo",
  "socket",
  "unknown",
])
const fields = {
  type: entryKind,
  size: z.number(),
  mode: z.string().nullable(),
  uid: z.number().nullable(),
  gid: z.number().nullable(),
  mtime: z.string().nullable(),
  target: z.string().exactOptional(),
  targetBase64: z.string().exactOptional(),
  sha256: z.string().exactOptional(),
  problem: problem.exactOptional(),
}

export const entryJson = z.strictObject({ ...pathShape, ...fields }) satisfies z.ZodType<EntryJson>

/** GET /api/v1/contents/page?…&snapshot=&path=&after=&limit= : what is at a path, and of a directory one page by the bytes of names. */
export const entryPageJson = z.strictObject({
  entry: entryJson,
  entries: z.array(entryJson),
  /** `after` of the next page; null on the last one. */
  next: z.string().nullable(),
  /** Of all pages. */
  total: count,
  /** How many are left out because another one has their name. */
  repeated: count,
})
export type EntryPageJson = z.infer<typeof entryPageJson>

/**
 * A line of the answers that are lines of JSON (`application/x-ndjson`): rows, how far it is, and at last `end` or `error`. An answer
 * whose last line is neither is not whole. Empty lines say that it goes on.
 */
export const contentsLine = z.union([
  z.strictObject({ row: z.record(z.string(), z.unknown()) }),
  z.strictObject({ progress: z.record(z.string(), z.unknown()) }),
  z.strictObject({ end: z.record(z.string(), z.unknown()) }),
  z.strictObject({
    error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }),
  }),
])
export type ContentsLine = z.infer<typeof contentsLine>

const spanned = z.strictObject({ id: z.string(), start: z.string() })
/** Rows of GET /api/v1/contents/found?…&pattern=&snapshot=&identity=&under=&ignoreCase= */
export const foundJson = z.strictObject({
  ...pathShape,
  identity: z.string(),
  first: spanned,
  last: spanned,
  snapshots: count,
  type: entryKind.exactOptional(),
  size: z.number().exactOptional(),
  mtime: z.string().nullable().exactOptional(),
  problem: problem.exactOptional(),
}) satisfies z.ZodType<FoundJson>

const side = z.strictObject(fields)
/** Rows of GET /api/v1/contents/differences?…&before=&beforePath=&after=&afterPath=&metadata= */
export const changeJson = z.strictObject({
  ...pathShape,
  change: z.enum(["added", "removed", "changed"]),
  what: z.array(
    z.enum(["type", "content", "size", "mode", "owner", "modified", "target", "attributes", "device"]),
  ),
  before: side.exactOptional(),
  after: side.exactOptional(),
  problem: problem.exactOptional(),
}) satisfies z.ZodType<ChangeJson>

/** Its end. */
export const differencesEnd = z.strictObject({
  summary: z.strictObject({
    added: count,
    removed: count,
    changed: count,
    metadata: count,
    bytesAdded: count,
    bytesRemoved: count,
    problems: count,
  }) satisfies z.ZodType<DiffSummary>,
})

/** Progress of GET /api/v1/contents/impact?…&file=&most= */
export const impactProgress = z.strictObject({ read: count, known: count })
/** Its end. `cost` is what `cistern impact --json` prints, `text` the same for people. */
export const impactEnd = z.strictObject({
  cost: z.record(z.string(), z.unknown()),
  text: z.array(z.string()),
  verdict: z.enum(["lost", "unclear", "nothing"]),
})

/**
 * `entries` (`…&snapshot=&path=&recursive=&sha256=`), `found`, `differences` and `impact` are lines; `file` (`…&snapshot=&path=`, with
 * `Range`) and `archive` (`…&snapshot=&path=&format=tar|zip&damaged=stop|skip`) are bytes. When something fails on the way, the
 * connection of bytes ends before its end. Who accepts `framesType` gets frames instead (contract/frames.ts), which tell why.
 */
export const contentsPaths = {
  page: "/api/v1/contents/page",
  entries: "/api/v1/contents/entries",
  found: "/api/v1/contents/found",
  differences: "/api/v1/contents/differences",
  file: "/api/v1/contents/file",
  archive: "/api/v1/contents/archive",
  impact: "/api/v1/contents/impact",
} as const
