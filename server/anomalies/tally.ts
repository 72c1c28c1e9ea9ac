import type { TreeChange } from "../../storage/browse/index.js"
import { type SnapshotContents, type SnapshotEntry, StorageError } from "../../storage/index.js"

/** Names that are told; the others are counted. */
const MOST_NAMES = 100
/** Paths that are remembered to tell a file that was moved or renamed from one that is gone. */
const MOST_PATHS = 200_000

/** Some names of many. */
export interface Named {
  readonly paths: readonly string[]
  readonly more: number
  readonly bytes: number
}

class Names implements Named {
  readonly paths: string[] = []
  more = 0
  bytes = 0

  get count(): number {
    return this.paths.length + this.more
  }

  add(path: string, { size }: SnapshotEntry): void {
    this.bytes += size
    if (this.paths.length < MOST_NAMES) this.paths.push(path)
    else this.more++
  }
}

/** Counts what became of files from one snapshot to the next. Only files count: directories come and go with them. */
export class Tally {
  readonly zeroed = new Names()
  readonly zeros = new Names()
  readonly changed = new Names()
  readonly removed = new Names()
  /** Of those that changed: with the time and size that they had before. A file that somebody writes has another time. */
  unmoved = 0
  added = 0
  entries = 0
  problems = 0
  problem: string | undefined
  readonly #contents: SnapshotContents
  /** Files of zeros of at least so many bytes are told; undefined: zeros are not looked for. */
  readonly #zeroBytes: number | undefined
  readonly #gone = new Map<string, string>()
  readonly #came = new Map<string, string>()

  readonly #mostPaths: number

  constructor(contents: SnapshotContents, zeroBytes: number | undefined, mostPaths = MOST_PATHS) {
    this.#contents = contents
    this.#zeroBytes = zeroBytes
    this.#mostPaths = mostPaths
  }

  async add({ path, kind, before, after, what, problem }: TreeChange): Promise<void> {
    this.entries++
    if (problem !== undefined) this.giveUp(problem)
    // Kopia also backs up a single file, which has no path.
    const name = path.length === 0 ? "." : Buffer.from(path).toString()
    const [old, now] = [fileOf(before), fileOf(after)]
    if (old !== undefined && now === undefined) {
      this.removed.add(name, old)
      if (this.#gone.size < this.#mostPaths) this.#gone.set(name, contentOf(old))
    }
    if (now !== undefined && old === undefined) {
      this.added++
      if (this.#came.size < this.#mostPaths) this.#came.set(name, contentOf(now))
      if (await this.#isZeros(now)) this.zeros.add(name, now)
    }
    if (kind !== "changed" || old === undefined || now === undefined || !what.includes("content")) return
    this.changed.add(name, now)
    if (old.size === now.size && old.modified === now.modified) this.unmoved++
    if (old.size === now.size && (await this.#isZeros(now)) && !(await this.#isZeros(old)))
      this.zeroed.add(name, now)
  }

  /** Something could not be compared. */
  giveUp(error: StorageError): void {
    this.problems++
    this.problem ??= error.message
  }

  /** Files that are gone from where they were, but lie elsewhere as they were. */
  moved(): number {
    const came = new Set(this.#came.values())
    return [...this.#gone.values()].filter((content) => content !== "" && came.has(content)).length
  }

  /** Files that are gone, and neither moved nor renamed: at least so many, where there are too many to remember their names. */
  lost(): number {
    return Math.max(this.removed.count, this.added) > this.#mostPaths
      ? Math.max(0, this.removed.count - this.added)
      : this.removed.count - this.moved() - this.renamed().count
  }

  /** Files that are gone, beside one with the same name and one more ending and another content; with the ending of most of them. */
  renamed(): { readonly count: number; readonly ending: string } {
    const endings = new Map<string, number>()
    for (const [path, content] of this.#came) {
      const [, name = "", ending = ""] = /^(.+)(\.[^./]{1,32})$/su.exec(path) ?? []
      const before = this.#gone.get(name)
      if (before !== undefined && before !== content) endings.set(ending, (endings.get(ending) ?? 0) + 1)
    }
    const [[ending, count] = ["", 0]] = [...endings].sort(([, one], [, other]) => other - one)
    return { count, ending }
  }

  async #isZeros(file: SnapshotEntry): Promise<boolean> {
    if (this.#zeroBytes === undefined || file.size < this.#zeroBytes) return false
    try {
      return await this.#contents.isZeros(file)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.giveUp(error)
      return false
    }
  }
}

function fileOf(entry: SnapshotEntry | undefined): SnapshotEntry | undefined {
  return entry?.kind === "file" ? entry : undefined
}

/** "" for nothing in it: empty files are no proof of a move. */
function contentOf({ content, size }: SnapshotEntry): string {
  return size === 0 ? "" : content.join(" ")
}
