import type { ByteRange, OpenedContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { LostContents } from "../lost-contents.js"
import type { Snapshot } from "../repository.js"
import { ContentReader } from "./content-reader.js"
import { parseDirectory } from "./directory-object.js"
import type { IndexEntry } from "./index-entry.js"
import { KopiaLosses, type LossSources } from "./losses.js"
import { isDirectoryObject } from "./object-id.js"
import { ObjectReader } from "./object-reader.js"
import { readRootEntry, withMetadata } from "./root-entry.js"
import { KopiaStored } from "./stored.js"
import { ZeroObjects } from "./zero-objects.js"

/** A directory of a million files has 200 MB of JSON. */
const MOST_DIRECTORY = 512 * 1024 * 1024
/** Longer than any path that a system takes. */
const MOST_TARGET = 64 * 1024

/** What is in the snapshots of a Kopia repository. */
export class KopiaContents implements OpenedContents {
  readonly stored: KopiaStored
  readonly #contents: ContentReader
  readonly #manifests: readonly IndexEntry[]
  readonly #objects: ObjectReader
  readonly #losses: KopiaLosses
  readonly #zeros: ZeroObjects

  constructor(indexes: LossSources) {
    const { blobs, opened, index, manifests } = indexes
    this.#contents = new ContentReader(blobs, opened, index)
    this.#manifests = manifests
    this.#objects = new ObjectReader(this.#contents)
    this.stored = new KopiaStored({ blobs, index, format: opened.format }, this.#objects)
    this.#losses = new KopiaLosses(indexes)
    this.#zeros = new ZeroObjects(this.#objects, this.#contents, opened.format)
  }

  async describedRoot(snapshot: Snapshot): Promise<SnapshotEntry> {
    return withMetadata(
      this.root(snapshot),
      await readRootEntry(this.#contents, this.#manifests, snapshot.id),
    )
  }

  root({ id, root, bytes }: Snapshot): SnapshotEntry {
    if (root === undefined || root === "") {
      throw new StorageError("corrupt", `snapshot ${id} has no root`, { facts: { snapshot: id } })
    }
    const kind = isDirectoryObject(root) ? "directory" : "file"
    return {
      name: new Uint8Array(),
      kind,
      mode: undefined,
      uid: undefined,
      gid: undefined,
      modified: undefined,
      size: kind === "file" ? (bytes ?? 0) : 0,
      target: undefined,
      attributes: [],
      device: undefined,
      sameFile: undefined,
      content: [root],
    }
  }

  async list(directory: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
    const objectId = objectOf(directory)
    const json = await this.#objects.readWhole(objectId, MOST_DIRECTORY)
    return parseDirectory(json, `directory ${objectId}`)
  }

  async *read(file: SnapshotEntry, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const objectId = objectOf(file)
    const wanted = range ?? { offset: 0, length: file.size }
    const expected = Math.max(0, Math.min(wanted.length, file.size - wanted.offset))
    let length = 0
    // One byte more than there should be shows that there are too many.
    const asked = range === undefined ? { offset: 0, length: file.size + 1 } : wanted
    for await (const piece of this.#objects.read(objectId, asked)) {
      length += piece.length
      if (length > expected) break
      yield piece
    }
    if (length !== expected) {
      throw new StorageError("corrupt", `object ${objectId} has not the ${file.size} bytes of its file`, {
        facts: { object: objectId },
      })
    }
  }

  target(symlink: SnapshotEntry): Promise<Uint8Array> {
    return this.#objects.readWhole(objectOf(symlink), MOST_TARGET)
  }

  async isZeros(file: SnapshotEntry): Promise<boolean> {
    if (file.kind !== "file" || file.size === 0) return false
    return this.#zeros.isZeros(objectOf(file), file.size)
  }

  async *parts({ content }: SnapshotEntry): AsyncGenerator<string> {
    for (const objectId of content) yield* this.#objects.parts(objectId)
  }

  contentsIn(file: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<LostContents> {
    return this.#losses.of(file, signal)
  }
}

function objectOf({ content: [objectId] }: SnapshotEntry): string {
  if (objectId !== undefined) return objectId
  throw new StorageError("corrupt", "an entry without an object")
}
