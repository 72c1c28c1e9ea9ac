import { ZeroDigests } from "../bytes/index.js"
import type { ByteRange, OpenedContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { LostContents } from "../lost-contents.js"
import type { Snapshot } from "../repository.js"
import type { BlobReader } from "./blob-reader.js"
import type { ResticLosses } from "./losses.js"
import { sha256 } from "./running-sha256.js"
import type { ResticStored } from "./stored.js"
import { parseTree } from "./tree.js"

/** What is in the snapshots of a restic repository. */
export class ResticContents implements OpenedContents {
  readonly stored: ResticStored
  readonly #blobs: BlobReader
  readonly #losses: ResticLosses
  readonly #zeros = new ZeroDigests(sha256())

  constructor(blobs: BlobReader, stored: ResticStored, losses: ResticLosses) {
    this.#blobs = blobs
    this.stored = stored
    this.#losses = losses
  }

  root({ id, root }: Snapshot): SnapshotEntry {
    if (root === undefined) {
      throw new StorageError("corrupt", `snapshot ${id} has no tree`, { facts: { snapshot: id } })
    }
    return {
      name: new Uint8Array(),
      kind: "directory",
      mode: undefined,
      uid: undefined,
      gid: undefined,
      modified: undefined,
      size: 0,
      target: undefined,
      attributes: [],
      device: undefined,
      sameFile: undefined,
      content: [root],
    }
  }

  /** What is above the paths of a snapshot is recorded nowhere. */
  describedRoot(snapshot: Snapshot): Promise<SnapshotEntry> {
    return Promise.resolve(this.root(snapshot))
  }

  async list({ content: [tree] }: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
    if (tree === undefined) throw new StorageError("corrupt", "a directory without a tree")
    return parseTree(await this.#blobs.read("tree", tree), `tree ${tree}`)
  }

  /** A size that differs from the blobs is restic's own record of a file that changed while it was read: the blobs count. */
  async *read(
    file: SnapshotEntry,
    range: ByteRange = { offset: 0, length: Infinity },
  ): AsyncGenerator<Uint8Array> {
    let start = 0
    for (const id of file.content) {
      if (start >= range.offset + range.length) return
      const length = this.#blobs.lengthOf("data", id)
      if (length === undefined || start + length > range.offset) {
        const blob = await this.#blobs.read("data", id)
        const from = Math.max(range.offset - start, 0)
        const piece = blob.subarray(Math.min(from, blob.length), range.offset + range.length - start)
        if (piece.length > 0) yield piece
      }
      start += length ?? 0
    }
  }

  target({ target }: SnapshotEntry): Promise<Uint8Array> {
    return Promise.resolve(target ?? new Uint8Array())
  }

  /** A blob's id is the SHA-256 of its bytes, wherever the chunker cut them: zeros of its length have an id that is known. */
  async isZeros({ kind, size, content }: SnapshotEntry): Promise<boolean> {
    if (kind !== "file") return false
    let length = 0
    for (const id of new Set(content)) {
      // What no index names is all of a file that has nothing else, or no zeros that could be told.
      const known = this.#blobs.lengthOf("data", id) ?? (content.length === 1 ? size : undefined)
      if (known === undefined) {
        throw new StorageError("missing", `data blob ${id} is in no index`, { facts: { blob: id } })
      }
      if (this.#zeros.hex(known) !== id) return false
      length += known
    }
    return length > 0
  }

  async *parts({ kind, content }: SnapshotEntry): AsyncGenerator<string> {
    const type = kind === "directory" ? "tree" : "data"
    for (const id of content) yield `${type}/${id}`
  }

  contentsIn(file: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<LostContents> {
    return this.#losses.of(file, signal)
  }
}
