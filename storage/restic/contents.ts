import type { ByteRange, OpenedContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Snapshot } from "../repository.js"
import type { BlobReader } from "./blob-reader.js"
import type { ResticStored } from "./stored.js"
import { parseTree } from "./tree.js"

/** What is in the snapshots of a restic repository. */
export class ResticContents implements OpenedContents {
  readonly stored: ResticStored
  readonly #blobs: BlobReader

  constructor(blobs: BlobReader, stored: ResticStored) {
    this.#blobs = blobs
    this.stored = stored
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

  async *parts({ kind, content }: SnapshotEntry): AsyncGenerator<string> {
    const type = kind === "directory" ? "tree" : "data"
    for (const id of content) yield `${type}/${id}`
  }
}
