import { createHash } from "node:crypto"
import type { BlobMemory, FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Listing, OpenOptions, Repository } from "../repository.js"
import { checkConfigLength, type Config, CONFIG_FILE, LONGEST_CONFIG, parseConfig } from "./config.js"
import { type Index, readIndexes } from "./index-reader.js"
import { type KeyFiles, KeyOpener, readKeyFiles } from "./key-opener.js"
import type { Layout } from "./layout.js"
import { readLocks } from "./lock-reader.js"
import type { SealKey } from "./sealed.js"
import { ContentReader, NameReader } from "./snapshot-reader.js"
import { SourceGroups } from "./source-groups.js"
import { whileUnchanged } from "./unchanged.js"

export interface ResticRepository extends Repository {
  /**
   * All index files, read anew. `password_missing` without the password, else as `list`. Index files come and go with
   * every backup and prune; the result is of one moment.
   */
  readIndexes(options?: { signal?: AbortSignal }): Promise<readonly Index[]>
}

/** A repository of restic, versions 1 and 2, written by restic 0.7 or newer. Nothing is read before the first call. */
export function openRestic(options: OpenOptions): ResticRepository {
  return new Reader(options)
}

interface Opened {
  readonly config: Config
  readonly key: SealKey
}

class Reader implements ResticRepository {
  readonly engine = "restic"
  readonly location: string
  readonly #files: FileTree
  readonly #memory: BlobMemory | undefined
  readonly #opener: KeyOpener | undefined
  readonly #names: NameReader
  readonly #groups = new SourceGroups()
  #contents: ContentReader | undefined

  constructor({ files, password, keys, memory }: OpenOptions) {
    this.location = files.location
    this.#files = files
    this.#memory = memory
    this.#opener = password === undefined ? undefined : new KeyOpener(password, keys)
    this.#names = new NameReader(files, memory)
  }

  list(options: { signal?: AbortSignal } = {}): Promise<Listing> {
    return whileUnchanged(this.#files, (layout) => this.#read(layout, options.signal), options.signal)
  }

  readIndexes(options: { signal?: AbortSignal } = {}): Promise<readonly Index[]> {
    const { signal } = options
    const read = async (layout: Layout) => {
      const { sealed, keys } = await this.#readHead(layout)
      const opened = await this.#open(sealed, keys)
      if (opened === undefined) {
        throw new StorageError("password_missing", "the index of a restic repository needs its password")
      }
      return readIndexes(this.#files, layout.indexes, opened.key, signal)
    }
    return whileUnchanged(this.#files, read, signal, ({ indexes }) => indexes)
  }

  watchedFolders(): readonly string[] {
    return ["", "keys", "snapshots", "locks"]
  }

  async #read(layout: Layout, signal: AbortSignal | undefined): Promise<Listing> {
    const { sealed, keys } = await this.#readHead(layout)
    const opened = await this.#open(sealed, keys)
    const locks = await readLocks(this.#files, layout.locks, opened?.key)
    checkBackups(layout)
    const reader = opened === undefined ? this.#names : this.#contentsOf(opened)
    const snapshots = await reader.read(layout.snapshots, signal)
    return {
      engine: "restic",
      repositoryId: opened?.config.id ?? "",
      fingerprint: fingerprint(sealed, layout.keys),
      formatVersion: opened?.config.version ?? UNKNOWN_VERSION,
      depth: opened === undefined ? "names" : "contents",
      snapshots,
      snapshotCount: snapshots.length,
      sources: this.#groups.group(snapshots),
      writers: locks.writers,
      notices: [...layout.notices, ...keys.notices, ...locks.notices],
      // Each snapshot is a file of its own, and `forget` removes it without a trace: no mark could tell that from loss.
      marks: [],
    }
  }

  /** Small files, read anew every time: a key or a config that rots is noticed by the next listing. */
  async #readHead(layout: Layout): Promise<{ sealed: Uint8Array; keys: KeyFiles }> {
    const sealed = await this.#files.read(CONFIG_FILE, LONGEST_CONFIG)
    checkConfigLength(sealed)
    return { sealed, keys: await readKeyFiles(this.#files, layout.keys) }
  }

  async #open(sealed: Uint8Array, keys: KeyFiles): Promise<Opened | undefined> {
    if (this.#opener === undefined) return undefined
    const key = await this.#opener.open(keys)
    return { config: parseConfig(sealed, key), key }
  }

  #contentsOf({ config, key }: Opened): ContentReader {
    if (this.#contents?.repositoryId !== config.id) {
      this.#contents = new ContentReader(this.#files, this.#memory, config.id, key)
    }
    return this.#contents
  }
}

// `config` says it, and only to those who have the password.
const UNKNOWN_VERSION = 0

/** restic lists snapshots without a look at what they are made of; nothing of them can be restored without these. */
function checkBackups({ snapshots, indexes, hasData }: Layout): void {
  if (snapshots.length === 0) return
  if (indexes.length === 0) {
    throw new StorageError("index_lost", `${snapshots.length} snapshots and no index file`, {
      facts: { file: "index", snapshots: snapshots.length },
      hint: "Bring the folder index back from another copy, or run `restic repair index`.",
    })
  }
  if (!hasData) {
    throw new StorageError("corrupt", `${snapshots.length} snapshots, and the folder data is gone`, {
      facts: { file: "data", snapshots: snapshots.length },
      hint: "Bring the folder data back from another copy of the repository.",
    })
  }
}

function fingerprint(config: Uint8Array, keys: readonly TreeEntry[]): string {
  const hash = createHash("sha256").update(createHash("sha256").update(config).digest())
  for (const { name } of keys) hash.update(name)
  return hash.digest("hex")
}
