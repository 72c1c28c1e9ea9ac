import { createHash } from "node:crypto"
import { type SnapshotContents, type SnapshotEntry, StorageError } from "../../storage/index.js"
import { type EntryJson, entryJson, type ProblemJson, problemJson } from "./entry-json.js"

export interface WalkOptions {
  readonly recursive: boolean
  readonly sha256: boolean
}

interface Level {
  readonly path: Uint8Array
  readonly entries: readonly SnapshotEntry[]
  at: number
}

const SLASH = Buffer.from("/")

/**
 * The entries of a directory, and with `recursive` of all below it, each directory before what is in it. What cannot be read is an
 * entry with its problem, and the walk goes on. No deeper than memory allows: it does not call itself.
 */
export async function* walk(
  contents: SnapshotContents,
  path: Uint8Array,
  directory: SnapshotEntry,
  options: WalkOptions,
): AsyncGenerator<EntryJson> {
  const levels: Level[] = [{ path, entries: await contents.list(directory), at: 0 }]
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.entries[level.at++]
    if (entry === undefined) {
      levels.pop()
      continue
    }
    const entryPath = level.path.length === 0 ? entry.name : Buffer.concat([level.path, SLASH, entry.name])
    const { below, ...more } = await lookDeep(contents, entry, options)
    yield entryJson(entryPath, entry, more)
    if (below !== undefined) levels.push({ path: entryPath, entries: below, at: 0 })
  }
}

/** One entry, with where it leads when it is a symlink. */
export async function entryRow(
  contents: SnapshotContents,
  path: Uint8Array,
  entry: SnapshotEntry,
): Promise<EntryJson> {
  return entryJson(path, entry, await look(contents, entry, { sha256: false }))
}

interface Look {
  readonly target?: Uint8Array
  readonly sha256?: string
  readonly problem?: ProblemJson
}

interface DeepLook extends Look {
  readonly below?: readonly SnapshotEntry[]
}

async function lookDeep(
  contents: SnapshotContents,
  entry: SnapshotEntry,
  options: WalkOptions,
): Promise<DeepLook> {
  if (entry.kind !== "directory" || !options.recursive) return look(contents, entry, options)
  try {
    return { below: await contents.list(entry) }
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

async function look(
  contents: SnapshotContents,
  entry: SnapshotEntry,
  options: Pick<WalkOptions, "sha256">,
): Promise<Look> {
  try {
    if (entry.kind === "symlink") return { target: await contents.target(entry) }
    if (entry.kind === "file" && options.sha256) return { sha256: await sha256Of(contents, entry) }
    return {}
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

function problemOf(error: unknown): ProblemJson {
  if (error instanceof StorageError) return problemJson(error)
  throw error
}

async function sha256Of(contents: SnapshotContents, entry: SnapshotEntry): Promise<string> {
  const hash = createHash("sha256")
  for await (const piece of contents.read(entry)) hash.update(piece)
  return hash.digest("hex")
}
