import { createHash } from "node:crypto"
import type { EntryKind, SnapshotContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import { isFound } from "./find.js"
import { asProblem, walkCounter, type WalkLimits } from "./limits.js"
import type { PathPattern, Progress } from "./pattern.js"
import { RecentMemory } from "./recent-memory.js"
import { nameKey } from "./sorted-entries.js"

/** What is kept of something that fits. */
export interface Match {
  /** Equal for equal kind, contents and target. */
  readonly key: string
  readonly kind: EntryKind
  readonly size: number
  readonly modified: SnapshotEntry["modified"]
}

/** What fits in a directory and below it. Equal directories of any snapshots are one and the same. Names are keys (`nameKey`). */
export interface MatchTree {
  readonly matches: ReadonlyMap<string, Match>
  /** Those in which something is. */
  readonly below: ReadonlyMap<string, MatchTree>
  /** It could not be read. */
  readonly problem: StorageError | undefined
  /** How many fit here and below. */
  readonly count: number
  readonly problems: number
}

const NOTHING: MatchTree = {
  matches: new Map(),
  below: new Map(),
  problem: undefined,
  count: 0,
  problems: 0,
}

export function unsearchable(problem: StorageError): MatchTree {
  return { ...NOTHING, problem, problems: 1 }
}

interface Frame {
  readonly key: string
  readonly name: string
  readonly progress: Progress
  readonly entries: readonly SnapshotEntry[]
  readonly matches: Map<string, Match>
  readonly below: Map<string, MatchTree>
  at: number
}

/** As many directories are remembered: some 50 MB of ids. */
const REMEMBERED = 250_000

/** Searches many snapshots of one repository for one pattern; what they share is searched once. */
export class MatchSearch {
  readonly #contents: SnapshotContents
  readonly #pattern: PathPattern
  readonly #count: (entries: number) => void
  readonly #known = new RecentMemory<MatchTree>(REMEMBERED)

  constructor(contents: SnapshotContents, pattern: PathPattern, limits: WalkLimits) {
    this.#contents = contents
    this.#pattern = pattern
    this.#count = walkCounter(limits)
  }

  /** What fits below a directory. It does not call itself: trees may be deep. */
  async search(root: SnapshotEntry): Promise<MatchTree> {
    if (root.kind !== "directory") return NOTHING
    const frames: Frame[] = []
    const enter = async (
      entry: SnapshotEntry,
      progress: Progress,
      name: string,
    ): Promise<MatchTree | undefined> => {
      const key = `${progress.join(",")} ${entry.content.join(" ")}`
      const known = this.#known.get(key)
      if (known !== undefined) return known
      this.#count(1)
      const listed = await this.#contents.list(entry).catch(asProblem)
      if (listed instanceof StorageError) return unsearchable(listed)
      this.#count(listed.length)
      frames.push({ key, name, progress, entries: listed, matches: new Map(), below: new Map(), at: 0 })
      return undefined
    }

    const known = await enter(root, this.#pattern.start, "")
    if (known !== undefined) return known
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const entry = frame.entries[frame.at++]
      if (entry === undefined) {
        frames.pop()
        const done = finished(frame)
        this.#known.set(frame.key, done)
        const above = frames.at(-1)
        if (above === undefined) return done
        attach(above, frame.name, done)
        continue
      }
      const progress = this.#pattern.step(frame.progress, entry.name)
      if (progress.length === 0) continue
      const name = nameKey(entry.name)
      if (isFound(this.#pattern, progress, entry) && !frame.matches.has(name))
        frame.matches.set(name, matchOf(entry))
      if (entry.kind !== "directory" || !this.#pattern.continues(progress)) continue
      const below = await enter(entry, progress, name)
      if (below !== undefined) attach(frame, name, below)
    }
    return NOTHING
  }
}

function attach({ below }: Frame, name: string, tree: MatchTree): void {
  if (tree.count + tree.problems > 0 && !below.has(name)) below.set(name, tree)
}

function finished({ matches, below }: Frame): MatchTree {
  if (matches.size === 0 && below.size === 0) return NOTHING
  let [count, problems] = [matches.size, 0]
  for (const tree of below.values()) {
    count += tree.count
    problems += tree.problems
  }
  return { matches, below, problem: undefined, count, problems }
}

function matchOf({ kind, size, modified, content, target }: SnapshotEntry): Match {
  // What is in a directory has its own history.
  const held = kind === "directory" ? "" : content.length < 2 ? (content[0] ?? "") : hashOf(content)
  const led = target === undefined ? "" : nameKey(target)
  return { key: `${kind} ${size} ${held} ${led}`, kind, size, modified }
}

function hashOf(ids: readonly string[]): string {
  const hash = createHash("sha256")
  for (const id of ids) hash.update(id).update(" ")
  return hash.digest("base64")
}
