import type { SnapshotTrees, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { DirectoryGraph } from "./directory-graph.js"
import type { OwnDamage } from "./own-damage.js"
import { listed } from "./survey.js"
import type { DamagedPath, DamageReason } from "./types.js"

/** Damaged entries that are remembered, so that what many snapshots share is read once more only, not once for each. */
const MOST_KEPT = 100_000
/** Far longer than any path that a system takes. What lies deeper is counted, not named. */
const LONGEST_PATH = 1024 * 1024
/** Directories gone into for one tree, and for each path: a tree made by hand leads to too long paths by more ways than there are atoms. */
const MOST_STEPS = 100_000
const MOST_STEPS_FOR_A_PATH = 100

export interface PathLimits {
  readonly paths: number
  /** Of all paths together. */
  readonly bytes: number
}

/** A damaged entry: a directory to go into, or something that is damaged itself. */
interface Kept {
  readonly name: Uint8Array
  readonly entry: SnapshotEntry
  readonly reason: DamageReason | undefined
}

interface Level {
  readonly name: Uint8Array
  readonly kept: readonly Kept[]
  at: number
}

/** Names the damaged paths of trees, walking only where something is damaged. */
export class DamagedPaths {
  readonly #contents: SnapshotTrees
  readonly #graph: DirectoryGraph
  readonly #own: OwnDamage
  readonly #most: number
  readonly #kept = new Map<number, readonly Kept[]>()
  #keptEntries = 0

  /** `most`: how many paths any caller wants of one tree. */
  constructor(contents: SnapshotTrees, graph: DirectoryGraph, own: OwnDamage, most: number) {
    this.#contents = contents
    this.#graph = graph
    this.#own = own
    this.#most = most
  }

  /** So many of the damaged paths below a directory that can itself be read, in the order of its tree. */
  async below(root: SnapshotEntry, limits: PathLimits, signal?: AbortSignal): Promise<DamagedPath[]> {
    const paths: DamagedPath[] = []
    let { bytes } = limits
    let steps = MOST_STEPS + MOST_STEPS_FOR_A_PATH * limits.paths
    const levels: Level[] = [{ name: new Uint8Array(), kept: await this.#damagedIn(root), at: 0 }]
    let length = 0
    for (
      let level = levels.at(-1);
      level !== undefined && paths.length < limits.paths;
      level = levels.at(-1)
    ) {
      signal?.throwIfAborted()
      const kept = level.kept[level.at++]
      if (kept === undefined) {
        levels.pop()
        length -= level.name.length + 1
        continue
      }
      const { name, entry, reason } = kept
      if (length + name.length > LONGEST_PATH) continue
      if (reason !== undefined) {
        bytes -= length + name.length
        if (bytes < 0) break
        paths.push({ path: joined(levels, name), kind: entry.kind, reason })
      } else {
        if (--steps < 0) break
        levels.push({ name, kept: await this.#damagedIn(entry), at: 0 })
        length += name.length + 1
      }
    }
    return paths
  }

  async #damagedIn(directory: SnapshotEntry): Promise<readonly Kept[]> {
    const { row } = this.#graph.add(directory)
    const known = this.#kept.get(row)
    if (known !== undefined) return known
    const kept = await this.#look(directory)
    if (this.#keptEntries + kept.length > MOST_KEPT) {
      this.#kept.clear()
      this.#keptEntries = 0
    }
    this.#kept.set(row, kept)
    this.#keptEntries += kept.length
    return kept
  }

  async #look(directory: SnapshotEntry): Promise<readonly Kept[]> {
    const entries = await listed(this.#contents, directory)
    // It could be read before. Its paths are counted all the same.
    if (entries instanceof StorageError) return []
    const kept: Kept[] = []
    for (const entry of entries) {
      if (entry.kind === "directory") {
        const { row } = this.#graph.add(entry)
        if (this.#graph.isDamaged(row))
          kept.push({ name: entry.name, entry, reason: this.#graph.reasonOf(row) })
      } else if (entry.content.length > 0) {
        const reason = await this.#own.of(entry)
        if (reason !== undefined) kept.push({ name: entry.name, entry, reason })
      }
      // Each has a path below it, so that more are not wanted.
      if (kept.length >= this.#most) break
    }
    return kept
  }
}

const SLASH = Buffer.from("/")

/** The first level is the root, which has no name. */
function joined(levels: readonly Level[], name: Uint8Array): Uint8Array {
  return Buffer.concat([...levels.slice(1).flatMap((level) => [level.name, SLASH]), name])
}
