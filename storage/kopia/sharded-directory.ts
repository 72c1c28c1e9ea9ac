import type { FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Notice } from "../repository.js"
import { FORMAT_BLOB, kindOfBlob, looksLikePack, mayHoldMetadata } from "./blob-id.js"
import { isIgnoredName } from "./directory-names.js"
import type { BlobListing, KopiaBlob, KopiaBlobs } from "./kopia-blobs.js"
import {
  BLOB_SUFFIX,
  blobPath,
  LAYOUT_WITHOUT_FILE,
  layoutDepth,
  parseShards,
  SHARDS_FILE,
  type ShardLayout,
} from "./shards.js"

// Deeper than any layout; it also ends loops of symbolic links.
const MIN_WALK_DEPTH = 3
const MAX_SHARDS_FILE = 64 * 1024

/** What one walk gathers. */
interface Walk {
  readonly depth: number
  readonly layout: ShardLayout
  readonly found: Map<string, KopiaBlob>
  /** Where blobs were found that are not where the layout puts them. */
  readonly misplaced: Map<string, string>
  readonly notices: Notice[]
  readonly folders: string[]
  packsSeen: boolean
}

/**
 * A repository on a filesystem. Listing ignores the layout, as the engine does: a blob's id is the names of its folders
 * and its file, joined. Reading follows `.shards`, as the engine does too.
 */
export class ShardedDirectory implements KopiaBlobs {
  readonly location: string
  readonly #files: FileTree
  #layout: ShardLayout = LAYOUT_WITHOUT_FILE
  #misplaced: ReadonlyMap<string, string> = new Map()

  constructor(files: FileTree) {
    this.#files = files
    this.location = files.location
  }

  async listMetadata(): Promise<BlobListing> {
    const { entries, undecodableNames } = await this.#files.list("")
    const names = entries.map(({ name }) => name).filter((name) => !isIgnoredName(name))
    if (names.length === 0) throw emptyPlace(this.location)

    this.#layout = names.includes(SHARDS_FILE)
      ? parseShards(await this.#files.read(SHARDS_FILE, MAX_SHARDS_FILE))
      : LAYOUT_WITHOUT_FILE
    const walk: Walk = {
      depth: Math.max(MIN_WALK_DEPTH, layoutDepth(this.#layout)),
      layout: this.#layout,
      found: new Map(),
      misplaced: new Map(),
      notices: [],
      folders: [],
      packsSeen: false,
    }
    await this.#walk(walk, "", "", 0, entries, undecodableNames)
    this.#misplaced = walk.misplaced
    if (!walk.found.has(FORMAT_BLOB)) throw withoutFormatBlob(this.location, names, walk)
    return {
      blobs: [...walk.found.values()],
      packsSeen: walk.packsSeen,
      notices: walk.notices,
      folders: walk.folders,
    }
  }

  async *packs(signal?: AbortSignal): AsyncGenerator<KopiaBlob> {
    const depth = Math.max(MIN_WALK_DEPTH, layoutDepth(this.#layout))
    const waiting = [{ folder: "", joined: "", level: 0 }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      signal?.throwIfAborted()
      const { folder, joined, level } = next
      for (const { name, kind, length, modified } of await this.#listed(folder)) {
        const path = folder === "" ? name : `${folder}/${name}`
        if (kind === "directory") {
          const inner = joined + name
          if (looksLikePack(inner) && level < depth)
            waiting.push({ folder: path, joined: inner, level: level + 1 })
          continue
        }
        const id = joined + name.slice(0, -BLOB_SUFFIX.length)
        // The engine looks where the layout says, and nowhere else.
        if (kind === "file" && kindOfBlob(id) === "pack" && path === this.fileOf(id))
          yield { id, length, modified }
      }
    }
  }

  fileOf(id: string): string {
    return blobPath(this.#layout, id)
  }

  async read(id: string, maxLength: number): Promise<Uint8Array> {
    return this.#blamingLayout(id, this.#files.read(this.fileOf(id), maxLength))
  }

  async readRange(id: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#blamingLayout(id, this.#files.readRange(this.fileOf(id), offset, length))
  }

  async lengthOf(id: string): Promise<number | undefined> {
    const entry = await this.#files.stat(this.fileOf(id))
    return entry?.kind === "file" ? entry.length : undefined
  }

  /** A folder that was taken away meanwhile holds nothing. */
  async #listed(folder: string): Promise<readonly TreeEntry[]> {
    try {
      return (await this.#files.list(folder)).entries
    } catch (error) {
      if (folder !== "" && error instanceof StorageError && error.code === "missing") return []
      throw error
    }
  }

  async #blamingLayout<T>(id: string, reading: Promise<T>): Promise<T> {
    try {
      return await reading
    } catch (error) {
      const found = this.#misplaced.get(id)
      if (found === undefined || !(error instanceof StorageError) || error.code !== "missing") throw error
      const file = this.fileOf(id)
      throw new StorageError(
        "corrupt",
        `${file} is not there, it lies at ${found}: ${SHARDS_FILE} is wrong`,
        {
          facts: { file, found },
          hint: `Restore ${SHARDS_FILE} from a copy of the repository; Kopia looks where it says and nowhere else.`,
          cause: error,
        },
      )
    }
  }

  async #walk(
    walk: Walk,
    folder: string,
    joined: string,
    level: number,
    entries: readonly TreeEntry[],
    undecodableNames: number,
  ): Promise<void> {
    walk.folders.push(folder)
    if (undecodableNames > 0) {
      walk.notices.push({
        code: "undecodable_name",
        message: `${undecodableNames} names in ${folder === "" ? "the root" : folder} are not UTF-8 and were passed over`,
        file: folder,
      })
    }
    for (const entry of entries) {
      if (isIgnoredName(entry.name)) continue
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (entry.kind === "directory") {
        await this.#enter(walk, path, joined + entry.name, level + 1)
      } else {
        noteFile(walk, path, joined, entry)
      }
    }
  }

  async #enter(walk: Walk, path: string, joined: string, level: number): Promise<void> {
    if (looksLikePack(joined)) {
      walk.packsSeen = true
    } else if (mayHoldMetadata(joined) && level <= walk.depth) {
      const { entries, undecodableNames } = await this.#files.list(path)
      await this.#walk(walk, path, joined, level, entries, undecodableNames)
    } else if (!/^(?:_|l[0-9a-f]*$|k(?:op|opia\.)?)/.test(joined)) {
      walk.notices.push({ code: "stray_file", message: `${path} is no folder of Kopia's`, file: path })
    }
  }
}

function noteFile(
  walk: Walk,
  path: string,
  joined: string,
  { name, kind, length, modified }: TreeEntry,
): void {
  const note = (code: Notice["code"], message: string) => {
    walk.notices.push({ code, message, file: path })
  }
  if (kind !== "file") {
    note("stray_file", `${path} is neither a file nor a folder`)
  } else if (/\.tmp\.[0-9a-f]+$/.test(name)) {
    note("temporary_file", `${path} is a write under way, or what a stopped writer left`)
  } else if (!name.endsWith(BLOB_SUFFIX)) {
    if (path !== SHARDS_FILE) note("stray_file", `${path} is no file of Kopia's`)
  } else {
    const id = joined + name.slice(0, -BLOB_SUFFIX.length)
    const blobKind = kindOfBlob(id)
    if (blobKind === "pack") {
      walk.packsSeen = true
      return
    }
    if (length === 0) note("empty_file", `${path} is empty, which no blob is`)
    if (blobKind === "unknown") note("unknown_blob", `${path} is named like no blob that Kopia writes`)
    else place(walk, path, { id, length, modified })
  }
}

/** A copy in the wrong place does not hide the blob in the right one. */
function place(walk: Walk, path: string, blob: KopiaBlob): void {
  if (path === blobPath(walk.layout, blob.id)) {
    walk.found.set(blob.id, blob)
    walk.misplaced.delete(blob.id)
  } else if (!walk.found.has(blob.id)) {
    walk.found.set(blob.id, blob)
    walk.misplaced.set(blob.id, path)
  }
}

function emptyPlace(location: string): StorageError {
  return new StorageError("empty", `${location} holds nothing`, {
    facts: { file: "" },
    hint: "Check that the right filesystem is mounted here.",
  })
}

function withoutFormatBlob(location: string, names: readonly string[], walk: Walk): StorageError {
  const file = FORMAT_BLOB + BLOB_SUFFIX
  if (walk.packsSeen || walk.found.size > 0) {
    return new StorageError(
      "corrupt",
      `${location}: ${file} is gone, though other parts of a Kopia repository are here`,
      {
        facts: { file },
        hint: "Restore kopia.repository.f from a copy of the repository; without it no password opens anything.",
      },
    )
  }
  const onlyShards = names.every((name) => name === SHARDS_FILE)
  return new StorageError(
    "not_a_repository",
    onlyShards
      ? `${location} holds only ${SHARDS_FILE}, which Kopia drops wherever it looks`
      : `${location}: there is no ${file}`,
    {
      facts: { file, onlyShards },
      hint: onlyShards
        ? "Delete .shards if no repository was ever here; else check which filesystem is mounted."
        : "Check the path of the repository.",
    },
  )
}
