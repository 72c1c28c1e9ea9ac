import type { SnapshotTrees, SnapshotEntry } from "../../../storage/contents.js"
import { StorageError } from "../../../storage/errors.js"
import type { Snapshot } from "../../../storage/repository.js"

/** A directory by its id: names and the ids of what they are. Ids of directories begin with "k". */
export type MadeUp = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Trees that no repository has to be written for: too deep, too wide, too many. */
export class MadeUpContents implements SnapshotTrees {
  /** Ids of directories, as they were listed. */
  readonly listed: string[] = []
  readonly #directories: (id: string) => Readonly<Record<string, string>> | undefined

  constructor(directories: MadeUp | ((id: string) => Readonly<Record<string, string>> | undefined)) {
    this.#directories = typeof directories === "function" ? directories : (id) => directories[id]
  }

  root({ root }: Snapshot): SnapshotEntry {
    return entryOf("", root ?? "k")
  }

  list({ content: [id = ""] }: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
    this.listed.push(id)
    const found = this.#directories(id)
    if (found === undefined) return Promise.reject(new StorageError("corrupt", `${id} is rotten`))
    return Promise.resolve(Object.entries(found).map(([name, inner]) => entryOf(name, inner)))
  }

  async *parts({ content }: SnapshotEntry): AsyncGenerator<string> {
    yield* await Promise.resolve(content)
  }
}

function entryOf(name: string, id: string): SnapshotEntry {
  return {
    name: Buffer.from(name),
    kind: id.startsWith("k") ? "directory" : "file",
    mode: undefined,
    uid: undefined,
    gid: undefined,
    modified: undefined,
    size: 1,
    target: undefined,
    attributes: [],
    device: undefined,
    sameFile: undefined,
    content: [id],
  }
}

let count = 0

/** A complete snapshot, each a second after the one before. */
export function snapshotOf(root: string, more: Partial<Snapshot> = {}): Snapshot {
  const number = ++count
  return {
    id: `snapshot-${number}`,
    source: { user: "app", host: "ns", paths: ["/data"] },
    start: BigInt(number) * 1_000_000_000n,
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
