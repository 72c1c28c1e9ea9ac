import type { ByteRange, SnapshotContents, SnapshotEntry } from "../../storage/contents.js"
import { StorageError } from "../../storage/errors.js"
import type { Snapshot } from "../../storage/repository.js"

export type EntryWords = Partial<Omit<SnapshotEntry, "name">> & { readonly name: string | Uint8Array }

/** An entry as a reader gives it; what is not said is a plain file's. */
export function entryOf({ name, ...more }: EntryWords): SnapshotEntry {
  return {
    kind: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    modified: 1_700_000_000_123_456_789n,
    size: 0,
    target: undefined,
    attributes: [],
    device: undefined,
    sameFile: undefined,
    content: [],
    ...more,
    name: typeof name === "string" ? Buffer.from(name) : name,
  }
}

/** A directory of TreeContents. */
export function directoryOf(name: string | Uint8Array, id: string, more: Partial<SnapshotEntry> = {}) {
  return entryOf({ mode: 0o755, ...more, name, kind: "directory", content: [id] })
}

/**
 * Trees that no engine would write and no reader of ours refuses: endless ones, a million entries, names twice, damage at a chosen
 * place. Directories are made when they are listed; `listed` and `read` say what was asked for.
 */
export class TreeContents implements SnapshotContents {
  readonly listed: string[] = []
  readonly asked: string[] = []
  readonly #directories: (id: string) => readonly SnapshotEntry[] | undefined
  readonly #files: (id: string) => Uint8Array | undefined

  constructor(
    directories:
      | Readonly<Record<string, readonly SnapshotEntry[]>>
      | ((id: string) => readonly SnapshotEntry[] | undefined),
    files: Readonly<Record<string, Uint8Array>> | ((id: string) => Uint8Array | undefined) = {},
  ) {
    this.#directories = typeof directories === "function" ? directories : (id) => directories[id]
    this.#files = typeof files === "function" ? files : (id) => files[id]
  }

  describedRoot(snapshot: Snapshot): Promise<SnapshotEntry> {
    return Promise.resolve(this.root(snapshot))
  }

  root({ root }: Pick<Snapshot, "root">): SnapshotEntry {
    return {
      ...directoryOf("", root ?? ""),
      mode: undefined,
      uid: undefined,
      gid: undefined,
      modified: undefined,
    }
  }

  list({ content: [id = ""] }: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
    this.listed.push(id)
    const entries = this.#directories(id)
    if (entries !== undefined) return Promise.resolve(entries)
    return Promise.reject(new StorageError("corrupt", `directory ${id} is damaged`))
  }

  /** A content after the other; one that is not there is damaged. */
  async *read(
    file: SnapshotEntry,
    range: ByteRange = { offset: 0, length: Infinity },
  ): AsyncGenerator<Uint8Array> {
    let start = 0
    for (const id of file.content) {
      this.asked.push(id)
      const bytes = await Promise.resolve(this.#files(id))
      if (bytes === undefined) throw new StorageError("corrupt", `content ${id} is damaged`)
      const piece = bytes.subarray(Math.max(0, range.offset - start), range.offset + range.length - start)
      if (piece.length > 0) yield piece
      start += bytes.length
    }
  }

  async *parts({ content }: SnapshotEntry): AsyncGenerator<string> {
    yield* await Promise.resolve(content)
  }

  contentsIn(): Promise<never> {
    return Promise.reject(new StorageError("invalid", "there are no files"))
  }

  async isZeros(file: SnapshotEntry): Promise<boolean> {
    let length = 0
    for await (const piece of this.read(file)) {
      if (piece.some((byte) => byte !== 0)) return false
      length += piece.length
    }
    return length > 0
  }

  target({ target }: SnapshotEntry): Promise<Uint8Array> {
    return Promise.resolve(target ?? new Uint8Array())
  }
}

/** A snapshot of which only the root, the start and the source are of interest. */
export function snapshotOf(id: string, root: string, more: Partial<Snapshot> = {}): Snapshot {
  return {
    id,
    source: { user: "app-backup", host: "home", paths: ["/data"] },
    start: BigInt(Number.parseInt(id, 16)) * 3_600_000_000_000n,
    end: undefined,
    incomplete: undefined,
    root,
    bytes: undefined,
    files: undefined,
    failedFiles: 0,
    tags: [],
    pins: [],
    description: "",
    ...more,
  }
}
