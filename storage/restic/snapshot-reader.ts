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

/** How a snapshot is got from its file, with the password or without. */
export interface SnapshotReader {
  /** From the memory of blobs or, where it is not there or is not to be believed (`anew`), from the file. */
  read(entry: TreeEntry, anew: boolean): Promise<Snapshot>
}

/**
 * Reads snapshot files, once for ever where there is a BlobMemory. What is remembered carries the repository's id, because
 * only that repository's key proves that its writers wrote the file.
 */
export class ContentReader implements SnapshotReader {
  readonly #files: FileTree
  readonly #memory: BlobMemory | undefined
  readonly #repositoryId: string
  readonly #key: SealKey

  constructor(files: FileTree, memory: BlobMemory | undefined, repositoryId: string, key: SealKey) {
    this.#files = files
    this.#memory = memory
    this.#repositoryId = repositoryId
    this.#key = key
  }

  async read(entry: TreeEntry, anew: boolean): Promise<Snapshot> {
    return (anew ? undefined : this.#remembered(entry)) ?? this.#readFile(entry)
  }

  #remembered({ name, length }: TreeEntry): Snapshot | undefined {
    const json = this.#memory?.recall(DECRYPTED, `${this.#repositoryId}/${name}`, length)
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
    this.#memory?.remember(DECRYPTED, `${this.#repositoryId}/${name}`, length, json)
    return snapshot
  }
}

/** All that a snapshot file tells without the password (§12): that it is there, whole, and when it was written. */
export class NameReader implements SnapshotReader {
  readonly #files: FileTree
  readonly #memory: BlobMemory | undefined

  constructor(files: FileTree, memory: BlobMemory | undefined) {
    this.#files = files
    this.#memory = memory
  }

  async read(entry: TreeEntry, anew: boolean): Promise<Snapshot> {
    const { name, length } = entry
    if (!anew && this.#memory?.recall(VERIFIED, name, length) !== undefined) return nameOnly(entry)
    const { length: read } = await readHashNamed(this.#files, "snapshots", name, LONGEST_SNAPSHOT_FILE)
    if (read !== length) {
      const file = `snapshots/${name}`
      throw new StorageError("unstable", `${file} grew while it was read`, { facts: { file } })
    }
    this.#memory?.remember(VERIFIED, name, length, YES)
    return nameOnly(entry)
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
