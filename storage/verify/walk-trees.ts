import type { OpenedContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Snapshot } from "../repository.js"
import type { ContentStates } from "./content-states.js"
import { damageCodeOf } from "./damage-code.js"
import type { Misfits } from "./misfits.js"

/** Entries looked at before others get a turn. */
const TURN = 2000

export interface WalkSources {
  readonly contents: OpenedContents
  readonly states: ContentStates
  readonly misfits: Misfits
  /** Today: what is read in passing was read today. */
  readonly day: number
  readonly signal: AbortSignal | undefined
  readonly pause: (() => Promise<void>) | undefined
  /** Directories read, and known of. */
  readonly progress: (read: number, known: number) => void
}

/** Marks everything that the snapshots need. Each directory is read once, whatever the number of snapshots that share it. */
export async function walkTrees(snapshots: readonly Snapshot[], sources: WalkSources): Promise<Walked> {
  const walk = new Walk(sources)
  for (const snapshot of snapshots) await walk.from(snapshot)
  return { directories: walk.read, rootless: walk.rootless }
}

export interface Walked {
  /** How many were read. */
  readonly directories: number
  /** Ids of snapshots that do not say where their tree begins. */
  readonly rootless: readonly string[]
}

class Walk {
  read = 0
  readonly rootless: string[] = []
  readonly #sources: WalkSources
  /** Directories to be read: no more is kept of each, because a tree may be as wide as it likes. */
  readonly #waiting: string[] = []
  /** Long directories that were met: what they begin with may begin others, too. */
  readonly #long = new Set<string>()
  #known = 0
  #looked = 0

  constructor(sources: WalkSources) {
    this.#sources = sources
  }

  async from(snapshot: Snapshot): Promise<void> {
    const { contents, signal, pause, progress } = this.#sources
    let root: SnapshotEntry
    try {
      root = contents.root(snapshot)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.rootless.push(snapshot.id)
      return
    }
    await this.#meet(root, root)
    for (let object = this.#waiting.pop(); object !== undefined; object = this.#waiting.pop()) {
      signal?.throwIfAborted()
      await pause?.()
      await this.#enter(directoryOf(object, root))
      progress(this.read, this.#known)
    }
  }

  async #enter(directory: SnapshotEntry): Promise<void> {
    const { contents, states, day } = this.#sources
    const parts: number[] = []
    let entries: readonly SnapshotEntry[]
    try {
      await contents.stored.needs(directory, (content) => {
        states.need(content)
        const row = contents.stored.rowOf(content)
        if (row !== undefined) parts.push(row)
      })
      entries = await contents.list(directory)
      this.read++
    } catch (error) {
      this.#blame(error, directory)
      return
    }
    for (const row of parts) states.markRead(row, day)
    for (const entry of entries) await this.#meet(entry, directory)
  }

  async #meet(entry: SnapshotEntry, directory: SnapshotEntry): Promise<void> {
    const { contents, states, misfits, signal } = this.#sources
    if (++this.#looked % TURN === 0) {
      signal?.throwIfAborted()
      await new Promise(setImmediate)
    }
    try {
      if (entry.kind === "directory") this.#meetDirectory(entry)
      else
        await contents.stored.needs(entry, (content) => {
          states.need(content)
        })
    } catch (error) {
      if (headOrNothing(contents, entry) === undefined) this.#blame(error, directory)
      else if (this.#isUnreadable(error)) this.#blame(error, entry)
      else misfits.add(entry)
    }
  }

  #meetDirectory(entry: SnapshotEntry): void {
    const { contents, states } = this.#sources
    const { stored } = contents
    const [object] = entry.content
    const head = stored.headOf(entry)
    if (object === undefined || head === undefined)
      throw new StorageError("corrupt", "a directory without an object")
    states.need(head)
    const row = stored.rowOf(head)
    if (row === undefined) return
    const isLong = object !== head && !head.endsWith(`/${object}`)
    if (isLong ? this.#long.has(object) : !states.markWalked(row)) return
    if (isLong) this.#long.add(object)
    this.#waiting.push(object)
    this.#known++
  }

  /** Whether an index of a long object could not be read: that is known by its content, not by the entry's size. */
  #isUnreadable(error: unknown): boolean {
    return (
      !(error instanceof StorageError) || error.code !== "corrupt" || error.facts["content"] !== undefined
    )
  }

  /** Of what could not be read the content that is named is lost, or else what the entry begins with. */
  #blame(error: unknown, entry: SnapshotEntry): void {
    if (!(error instanceof StorageError)) throw error
    const code = damageCodeOf(error)
    if (code === undefined) throw error
    const { contents, states } = this.#sources
    const named = error.facts["content"]
    const content = typeof named === "string" ? named : headOrNothing(contents, entry)
    if (content === undefined) return
    states.need(content)
    const row = contents.stored.rowOf(content)
    // Else it is in no index, and was noted as such.
    if (row !== undefined) states.markLost(row, error.facts["fileLength"] === undefined ? code : "truncated")
  }
}

/** Undefined for an object whose id makes no sense: its directory, which says so, is to blame. */
function headOrNothing({ stored }: OpenedContents, entry: SnapshotEntry): string | undefined {
  try {
    return stored.headOf(entry)
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}

function directoryOf(object: string, root: SnapshotEntry): SnapshotEntry {
  return { ...root, kind: "directory", size: 0, content: [object] }
}
