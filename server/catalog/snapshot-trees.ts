import { lstatSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { setImmediate as turn } from "node:timers/promises"
import {
  canSnapshot,
  type SnapshotAnswer,
  type SnapshotPlace,
  snapshotPlace,
} from "../../storage/disk/index.js"

/** What of a store filesystem snapshots are made of: the store, and each subvolume or dataset that a repository in it is. */
export interface SnapshotScope {
  /** With links followed. */
  readonly store: string
  /** Repositories' directories in it, absolute. */
  readonly directories: readonly string[]
  /** What NFS clients may mount. */
  readonly exported: readonly string[]
}

export interface SnapshotTree {
  /** The subvolume or dataset, relative to the store; "." is what the store lies in. */
  readonly of: string
  readonly answer: SnapshotAnswer
}

const DIRECTORIES_IN_A_ROW = 500

/** One for each subvolume or dataset, that of the store first. Directories that are not there are left out. */
export async function treesOf({ store, directories, exported }: SnapshotScope): Promise<SnapshotTree[]> {
  const trees: SnapshotTree[] = [{ of: ".", answer: canSnapshot(store, { store, exported }) }]
  const seen = new Set([deviceOf(store)])
  for (const [at, directory] of directories.entries()) {
    if (at % DIRECTORIES_IN_A_ROW === DIRECTORIES_IN_A_ROW - 1) await turn()
    const device = deviceOf(directory)
    // Each subvolume and each dataset has a device number of its own.
    if (device === undefined || seen.has(device)) continue
    seen.add(device)
    const answer = canSnapshot(directory, { store, exported })
    const tree = answer.possible ? answer.place.tree : directory
    trees.push({ of: relative(store, tree) || ".", answer })
  }
  return trees
}

/** Where the filesystem snapshots of what is called `of` are. Throws StorageError `unsupported` where there are none. */
export function placeOf({ store, exported, of }: SnapshotScope & { readonly of: string }): SnapshotPlace {
  return snapshotPlace(nearest(store, join(store, of)), { store, exported })
}

/** What is left of a path: somebody may have removed the rest. */
function nearest(store: string, path: string): string {
  let here = path
  while (here !== store && deviceOf(here) === undefined) here = dirname(here)
  return here
}

function deviceOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.dev
}
