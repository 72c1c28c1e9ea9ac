import type { FileContents, SnapshotEntry } from "../../storage/contents.js"
import { StorageError } from "../../storage/errors.js"

/** An entry of a snapshot that no engine wrote: hostile, or of a size that no fixture can carry. */
export interface Invented extends Partial<Omit<SnapshotEntry, "name" | "content">> {
  readonly name?: string | Uint8Array
  /** Of a file; a function may give pieces without an end, or fail. */
  readonly bytes?: Uint8Array | (() => AsyncIterable<Uint8Array>)
  /** Of a directory; a function makes them when they are asked for. */
  readonly entries?: readonly Invented[] | (() => readonly Invented[])
}

/** The contents of invented snapshots, and an entry that stands for one. */
export class InventedContents implements FileContents {
  readonly #known = new Map<string, Invented>()
  #count = 0

  entry(invented: Invented): SnapshotEntry {
    const { name = "", bytes, entries, ...rest } = invented
    const id = String(this.#count++)
    this.#known.set(id, invented)
    const kind = entries === undefined ? "file" : "directory"
    return {
      kind,
      mode: kind === "file" ? 0o644 : 0o755,
      uid: 0,
      gid: 0,
      modified: 1_700_000_000_123_456_789n,
      size: bytes instanceof Uint8Array ? bytes.length : 0,
      target: undefined,
      attributes: [],
      device: undefined,
      sameFile: undefined,
      ...rest,
      name: Buffer.from(name),
      content: [id],
    }
  }

  root(): SnapshotEntry {
    throw new Error("an invented tree has no snapshot")
  }

  describedRoot(): Promise<SnapshotEntry> {
    return Promise.resolve(this.root())
  }

  list(directory: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
    const { entries } = this.#of(directory)
    if (entries === undefined) return Promise.reject(gone())
    return Promise.resolve(
      (typeof entries === "function" ? entries() : entries).map((one) => this.entry(one)),
    )
  }

  async *read(file: SnapshotEntry): AsyncGenerator<Uint8Array> {
    const { bytes } = this.#of(file)
    if (bytes === undefined) throw gone()
    if (bytes instanceof Uint8Array) yield await Promise.resolve(bytes)
    else yield* bytes()
  }

  target({ target }: SnapshotEntry): Promise<Uint8Array> {
    return target === undefined ? Promise.reject(gone()) : Promise.resolve(target)
  }

  #of({ content: [id] }: SnapshotEntry): Invented {
    const found = this.#known.get(id ?? "")
    if (found === undefined) throw new Error(`nothing was invented as ${id ?? ""}`)
    return found
  }
}

export function gone(): StorageError {
  return new StorageError("missing", "a prune took it away")
}
