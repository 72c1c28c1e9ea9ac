import type { BlobMemory, FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Snapshot } from "../repository.js"
import { readHashNamed } from "./hash-named.js"
import type { SealKey } from "./sealed.js"
import { LONGEST_SNAPSHOT_FILE, LONGEST_SNAPSHOT_JSON, parseSnapshot } from "./snapshot-file.js"
import { openUnpacked } from "./unpacked-file.js"

const DECRYPTED = "restic-snapshot"
const VERIFIED = "restic-snapshot-verified"
const YES = new Uint8Array([1])

/** Where the snapshots of a repository come from, with its password or without. */
export interface SnapshotReader {
  /** The snapshots of exactly these files, or a StorageError that names the first that cannot be read. */
  read(entries: readonly TreeEntry[], signal?: AbortSignal): Promise<readonly Snapshot[]>
}

/**
 * Reads each snapshot file once in the life of the process, and once for ever where there is a BlobMemory. What is
 * remembered carries the repository's id, because only that repository's key proves that its writers wrote the file.
 */
export class ContentReader implements SnapshotReader {
  readonly repositoryId: string
  readonly #files: FileTree
  readonly #memory: BlobMemory | undefined
  readonly #key: SealKey
  #known = new Map<string, Snapshot>()

  constructor(files: FileTree, memory: BlobMemory | undefined, repositoryId: string, key: SealKey) {
    this.#files = files
    this.#memory = memory
    this.repositoryId = repositoryId
    this.#key = key
  }

  async read(entries: readonly TreeEntry[], signal?: AbortSignal): Promise<readonly Snapshot[]> {
    const now = new Map<string, Snapshot>()
    for (const entry of entries) {
      signal?.throwIfAborted()
      const known = `${entry.name}/${entry.length}`
      const snapshot = this.#known.get(known) ?? this.#remembered(entry) ?? (await this.#readFile(entry))
      now.set(known, snapshot)
      // Kept also when a later file fails, so that a retry reads only what is left.
      this.#known.set(known, snapshot)
    }
    this.#known = now
    return [...now.values()].sort(byStart)
  }

  #remembered({ name, length }: TreeEntry): Snapshot | undefined {
    const json = this.#memory?.recall(DECRYPTED, `${this.repositoryId}/${name}`, length)
    if (json === undefined) return undefined
    try {
      return parseSnapshot(json, name)
    } catch {
      // A memory that does not parse was damaged outside of the repository: the file itself decides.
      return undefined
    }
  }

  async #readFile({ name, length }: TreeEntry): Promise<Snapshot> {
    const file = `snapshots/${name}`
    const sealed = await readHashNamed(this.#files, "snapshots", name, LONGEST_SNAPSHOT_FILE)
    const json = openUnpacked(this.#key, sealed, file, LONGEST_SNAPSHOT_JSON)
    const snapshot = parseSnapshot(json, name)
    this.#memory?.remember(DECRYPTED, `${this.repositoryId}/${name}`, length, json)
    return snapshot
  }
}

/** All that a snapshot file tells without the password (§12): that it is there, whole, and when it was written. */
export class NameReader implements SnapshotReader {
  readonly #files: FileTree
  readonly #memory: BlobMemory | undefined
  #verified = new Set<string>()

  constructor(files: FileTree, memory: BlobMemory | undefined) {
    this.#files = files
    this.#memory = memory
  }

  async read(entries: readonly TreeEntry[], signal?: AbortSignal): Promise<readonly Snapshot[]> {
    const now = new Set<string>()
    for (const entry of entries) {
      signal?.throwIfAborted()
      await this.#verify(entry)
      now.add(`${entry.name}/${entry.length}`)
    }
    this.#verified = now
    return entries.map(nameOnly).sort(byStart)
  }

  async #verify({ name, length }: TreeEntry): Promise<void> {
    const verified = `${name}/${length}`
    if (this.#verified.has(verified) || this.#memory?.recall(VERIFIED, name, length) !== undefined) return
    const { length: read } = await readHashNamed(this.#files, "snapshots", name, LONGEST_SNAPSHOT_FILE)
    if (read !== length) {
      const file = `snapshots/${name}`
      throw new StorageError("unstable", `${file} grew while it was read`, { facts: { file } })
    }
    this.#verified.add(verified)
    this.#memory?.remember(VERIFIED, name, length, YES)
  }
}

function nameOnly({ name, modified }: TreeEntry): Snapshot {
  return {
    id: name,
    source: { user: "", host: "", paths: [] },
    start: modified,
    end: undefined,
    incomplete: undefined,
    root: undefined,
    bytes: undefined,
    files: undefined,
    failedFiles: 0,
    tags: [],
    pins: [],
    description: "",
  }
}

function byStart(a: Snapshot, b: Snapshot): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  return a.id < b.id ? -1 : 1
}
