import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"

/** How blob ids become paths: the file `.shards` in the root of a repository on a filesystem. */
export interface ShardLayout {
  /** Characters per level of folders. */
  readonly default: readonly number[]
  readonly maxNonShardedLength: number
  readonly overrides: readonly { readonly prefix: string; readonly shards: readonly number[] }[]
}

export const SHARDS_FILE = ".shards"
export const BLOB_SUFFIX = ".f"

/** What the engine assumes where `.shards` is absent: repositories older than the file, and copies made without it. */
export const LAYOUT_WITHOUT_FILE: ShardLayout = { default: [3, 3], maxNonShardedLength: 20, overrides: [] }

// No engine wrote more than two levels; a limit keeps the walk of a hostile directory finite.
const MAX_LEVELS = 16

/** Parses `.shards` (kopia-repository-format §2.1). Throws `corrupt` where the engine would misplace or lose blobs. */
export function parseShards(bytes: Uint8Array): ShardLayout {
  const fields = new JsonFields(parseJson(bytes, SHARDS_FILE), SHARDS_FILE)
  return {
    default: sizes(fields, "default"),
    maxNonShardedLength: wholeNumber(
      fields.optionalNumber("maxNonShardedLength") ?? 0,
      "maxNonShardedLength",
      0,
    ),
    overrides: (fields.optionalArray("overrides") ?? []).map((value) => {
      const override = new JsonFields(value, `${SHARDS_FILE}: overrides`)
      return { prefix: override.string("prefix"), shards: sizes(override, "shards") }
    }),
  }
}

/** Path of a blob below the root, as the engine will look it up. */
export function blobPath(layout: ShardLayout, id: string): string {
  if (id.length <= layout.maxNonShardedLength) return id + BLOB_SUFFIX
  const shards = layout.overrides.find(({ prefix }) => id.startsWith(prefix))?.shards ?? layout.default
  let path = ""
  let rest = id
  for (const size of shards) {
    if (rest.length <= size) break
    path += rest.slice(0, size) + "/"
    rest = rest.slice(size)
  }
  return path + rest + BLOB_SUFFIX
}

/** The most levels of folders that the layout makes. */
export function layoutDepth(layout: ShardLayout): number {
  return Math.max(layout.default.length, ...layout.overrides.map(({ shards }) => shards.length))
}

function sizes(fields: JsonFields, name: string): readonly number[] {
  // `null` and absence both come from a Go slice that was never filled: a flat repository.
  const values = fields.optionalArray(name) ?? []
  if (values.length > MAX_LEVELS) {
    throw new StorageError(
      "corrupt",
      `${SHARDS_FILE}: ${name} has ${values.length} levels, more than ${MAX_LEVELS}`,
      {
        facts: { file: SHARDS_FILE },
      },
    )
  }
  return values.map((value) => wholeNumber(value, name, 1))
}

function wholeNumber(value: unknown, name: string, least: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= 255) return value
  throw new StorageError("corrupt", `${SHARDS_FILE}: ${name} is not a whole number from ${least} to 255`, {
    facts: { file: SHARDS_FILE },
    hint: "Restore the file from a copy; its content is needed to find every blob.",
  })
}
