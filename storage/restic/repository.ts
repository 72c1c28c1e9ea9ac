import { createHash } from "node:crypto"
import type { BlobMemory, FileTree, TreeEntry } from "../blobs/index.js"
import type { OpenedContents } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Proof } from "../proof.js"
import type { Listing, OpenOptions, Repository } from "../repository.js"
import { BlobIndex } from "./blob-index.js"
import { BlobReader } from "./blob-reader.js"
import { checkConfigLength, type Config, CONFIG_FILE, LONGEST_CONFIG, parseConfig } from "./config.js"
import { ResticContents } from "./contents.js"
import { type Index, readIndex } from "./index-reader.js"
import { type KeyFiles, KeyOpener, readKeyFiles } from "./key-opener.js"
import type { Doubt } from "./folder-view.js"
import { type Layout, LayoutView } from "./layout.js"
import { readLocks } from "./lock-reader.js"
import { ResticLosses } from "./losses.js"
import { proofOfFile } from "./proof.js"
import type { SealKey } from "./sealed.js"
import { ContentReader, NameReader } from "./snapshot-reader.js"
import { SnapshotShelf } from "./snapshot-shelf.js"
import { ResticStored } from "./stored.js"
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

interface ListOptions {
  readonly signal?: AbortSignal
  readonly changed?: readonly string[]
}

/** One listing at a time: a second one waits for the first. */
class Reader implements ResticRepository {
  readonly engine = "restic"
  readonly location: string
  readonly #files: FileTree
  readonly #memory: BlobMemory | undefined
  readonly #opener: KeyOpener | undefined
  readonly #names: SnapshotShelf
  readonly #view = new LayoutView()
  #contents: { readonly repositoryId: string; readonly shelf: SnapshotShelf } | undefined
  /** The last listing succeeded, so that what the view knows is what it rests on. */
  #sure = false
  #queue: Promise<unknown> = Promise.resolve()

  constructor({ files, password, keys, memory }: OpenOptions) {
    this.location = files.location
    this.#files = files
    this.#memory = memory
    this.#opener = password === undefined ? undefined : new KeyOpener(password, keys)
    this.#names = new SnapshotShelf(new NameReader(files, memory))
  }

  list(options: ListOptions = {}): Promise<Listing> {
    const listed = this.#queue.then(() => this.#list(options))
    this.#queue = listed.catch(() => undefined)
    return listed
  }

  async readIndexes({ signal }: { signal?: AbortSignal } = {}): Promise<readonly Index[]> {
    const indexes: Index[] = []
    await this.#eachIndex(
      () => indexes.splice(0),
      (index) => indexes.push(index),
      signal,
    )
    return indexes
  }

  proofOf(file: string): Promise<Proof | undefined> {
    return Promise.resolve(proofOfFile(file))
  }

  async openContents({ signal }: { signal?: AbortSignal } = {}): Promise<OpenedContents> {
    let index = new BlobIndex()
    let indexFiles: string[] = []
    const key = await this.#eachIndex(
      () => {
        index = new BlobIndex()
        indexFiles = []
      },
      ({ id, packs }) => {
        index.add(packs)
        indexFiles.push(id)
      },
      signal,
    )
    const stored = new ResticStored(this.#files, index, key)
    const losses = new ResticLosses({ files: this.#files, key, index, indexFiles })
    return new ResticContents(new BlobReader(this.#files, key, index), stored, losses)
  }

  /** Gives all index files of one moment, one by one, and the key. `begin` is called first, and again when they changed meanwhile. */
  #eachIndex(
    begin: () => void,
    take: (index: Index) => void,
    signal: AbortSignal | undefined,
  ): Promise<SealKey> {
    const read = async (layout: Layout) => {
      begin()
      const { sealed, keys } = await this.#readHead(layout)
      const opened = await this.#open(sealed, keys)
      if (opened === undefined) {
        throw new StorageError("password_missing", "the index of a restic repository needs its password")
      }
      for (const entry of layout.indexes) {
        signal?.throwIfAborted()
        take(await readIndex(this.#files, entry, opened.key))
      }
      return opened.key
    }
    return whileUnchanged({
      files: this.#files,
      view: new LayoutView(),
      doubt: "any",
      read,
      signal,
      besides: ({ indexes }) => indexes,
    })
  }

  watchedFolders(): readonly string[] {
    return ["", "keys", "snapshots", "locks"]
  }

  async #list({ signal, changed }: ListOptions): Promise<Listing> {
    const doubt: Doubt = changed === undefined || !this.#sure ? "any" : new Set(changed)
    this.#sure = false
    const listing = await whileUnchanged({
      files: this.#files,
      view: this.#view,
      doubt,
      read: (layout) => this.#read(layout, doubt === "any", signal),
      signal,
    })
    this.#sure = true
    return listing
  }

  async #read(layout: Layout, thorough: boolean, signal: AbortSignal | undefined): Promise<Listing> {
    const { sealed, keys } = await this.#readHead(layout)
    const opened = await this.#open(sealed, keys)
    const locks = await readLocks(this.#files, layout.locks, opened?.key)
    checkBackups(layout)
    const shelf = opened === undefined ? this.#names : this.#contentsOf(opened)
    const snapshots = await shelf.hold(layout.snapshots, signal)
    return {
      engine: "restic",
      repositoryId: opened?.config.id ?? "",
      fingerprint: fingerprint(sealed, layout.keys),
      formatVersion: opened?.config.version ?? UNKNOWN_VERSION,
      depth: opened === undefined ? "names" : "contents",
      get snapshots() {
        return snapshots.all()
      },
      snapshotCount: snapshots.count,
      sources: snapshots.sources,
      writers: locks.writers,
      notices: [...layout.notices, ...keys.notices, ...locks.notices],
      // Each snapshot is a file of its own, and `forget` removes it without a trace: no mark could tell that from loss.
      marks: [],
      thorough,
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

  #contentsOf({ config, key }: Opened): SnapshotShelf {
    if (this.#contents?.repositoryId !== config.id) {
      const reader = new ContentReader(this.#files, this.#memory, config.id, key)
      this.#contents = { repositoryId: config.id, shelf: new SnapshotShelf(reader) }
    }
    return this.#contents.shelf
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
