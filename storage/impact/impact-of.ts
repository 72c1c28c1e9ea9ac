import type { SnapshotTrees, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Snapshot } from "../repository.js"
import { DamagedPaths } from "./damaged-paths.js"
import { DirectoryGraph } from "./directory-graph.js"
import { OwnDamage } from "./own-damage.js"
import { sourcesOf } from "./sources.js"
import { survey } from "./survey.js"
import type { DamagedPath, Impact, ImpactOptions, SnapshotImpact } from "./types.js"

const MOST_PATHS = 1000
const MOST_PATHS_IN_ALL = 100_000
const MOST_PATH_BYTES = 64 * 1024 * 1024

/**
 * What the loss of some contents costs: which of the snapshots lose which paths. `isLost` is asked with the ids that
 * `SnapshotContents.parts` gives. Every directory is read once, whatever the number of snapshots that share it; then only the damaged
 * branches are walked. A directory that is lost or cannot be read is named itself, for what is below it is unknown.
 *
 * `snapshots` are all of the repository, so that of each source the newest that loses nothing can be named. Throws what is no
 * StorageError, and the signal's reason.
 */
export async function impactOf(
  contents: SnapshotTrees,
  snapshots: readonly Snapshot[],
  isLost: (content: string) => boolean,
  options: ImpactOptions = {},
): Promise<Impact> {
  const { signal, gone = new Set<string>(), most = MOST_PATHS } = options
  const graph = new DirectoryGraph()
  const own = new OwnDamage(contents, isLost)
  const present = snapshots.filter(({ id }) => !gone.has(id))
  const directories = await survey(contents, rootsOf(contents, present), graph, own, options)
  graph.settle()

  const trees = new Trees({
    contents,
    graph,
    own,
    most,
    left: options.mostInAll ?? MOST_PATHS_IN_ALL,
    signal,
  })
  const impacts: SnapshotImpact[] = []
  for (const snapshot of snapshots) {
    signal?.throwIfAborted()
    if (gone.has(snapshot.id)) {
      impacts.push({ snapshot, gone: true, walked: false, reasons: ["lost"], paths: [], beyond: 0 })
      continue
    }
    const damage = await trees.of(snapshot)
    if (damage !== undefined) impacts.push({ snapshot, gone: false, ...damage })
  }
  const damaged = new Set(impacts.map(({ snapshot }) => snapshot))
  return { snapshots: impacts, sources: sourcesOf(snapshots, (one) => damaged.has(one)), directories }
}

/** Each directory once. */
function rootsOf(contents: SnapshotTrees, snapshots: readonly Snapshot[]): SnapshotEntry[] {
  const roots = new Map<string, SnapshotEntry>()
  for (const snapshot of snapshots) {
    const root = rootOf(contents, snapshot)
    if (!(root instanceof StorageError) && root.kind === "directory") roots.set(root.content.join("\n"), root)
  }
  return [...roots.values()]
}

function rootOf(contents: SnapshotTrees, snapshot: Snapshot): SnapshotEntry | StorageError {
  try {
    return contents.root(snapshot)
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
}

type TreeDamage = Omit<SnapshotImpact, "snapshot" | "gone">

interface TreesOptions {
  readonly contents: SnapshotTrees
  readonly graph: DirectoryGraph
  readonly own: OwnDamage
  readonly most: number
  /** How many paths may be named in all. */
  readonly left: number
  readonly signal: AbortSignal | undefined
}

/** The damage of whole trees. Snapshots of the same tree have the same. */
class Trees {
  readonly #options: TreesOptions
  readonly #paths: DamagedPaths
  readonly #known = new Map<number, TreeDamage>()
  /** What may still be named. */
  readonly #left: { paths: number; bytes: number }

  constructor(options: TreesOptions) {
    const { contents, graph, own, most } = options
    this.#options = options
    this.#paths = new DamagedPaths(contents, graph, own, most)
    this.#left = { paths: options.left, bytes: MOST_PATH_BYTES }
  }

  /** Undefined when nothing is damaged. */
  async of(snapshot: Snapshot): Promise<TreeDamage | undefined> {
    const { contents, graph, own } = this.#options
    const root = rootOf(contents, snapshot)
    if (root instanceof StorageError) return itself({ path: NOTHING, kind: "unknown", reason: root.code })
    if (root.kind !== "directory") {
      const reason = await own.of(root)
      return reason === undefined ? undefined : itself({ path: NOTHING, kind: root.kind, reason })
    }
    const { row } = graph.add(root)
    if (!graph.isDamaged(row)) return undefined
    const reason = graph.reasonOf(row)
    if (reason !== undefined) return itself({ path: NOTHING, kind: "directory", reason })
    let damage = this.#known.get(row)
    if (damage === undefined) {
      const paths = await this.#name(root)
      const beyond = Math.max(0, graph.countOf(row) - paths.length)
      damage = { walked: graph.isWalked(row), reasons: graph.reasonsAt(row), paths, beyond }
      this.#known.set(row, damage)
    }
    return damage
  }

  async #name(root: SnapshotEntry): Promise<readonly DamagedPath[]> {
    const { most, signal } = this.#options
    const limits = { paths: Math.min(most, this.#left.paths), bytes: this.#left.bytes }
    const paths = await this.#paths.below(root, limits, signal)
    this.#left.paths -= paths.length
    for (const { path } of paths) this.#left.bytes -= path.length
    return paths
  }
}

const NOTHING = new Uint8Array()

function itself(path: DamagedPath): TreeDamage {
  return { walked: path.kind === "file", reasons: [path.reason], paths: [path], beyond: 0 }
}
