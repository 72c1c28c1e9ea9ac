import { realpathSync } from "node:fs"
import { dirname } from "node:path"
import { filesystemSnapshots, locate, pathIn, readSentinel, snapshotPlace } from "../disk/index.js"
import { StorageError } from "../errors.js"
import type { OtherState } from "./find-whole.js"

/**
 * A repository's directory in every filesystem snapshot of the subvolume or dataset that it lies in, the newest first; those that do not
 * hold it are left out. Throws StorageError: `unsupported` where the filesystem has none, `missing`, `unreadable`, `io`.
 */
export async function filesystemStates(directory: string): Promise<readonly OtherState[]> {
  const repository = realpathSync(directory)
  const store = storeAround(repository) ?? locate(repository).mountPoint
  // Nothing is made, so that it does not matter who could mount it.
  const place = snapshotPlace(repository, { store, exported: [] })
  const states: OtherState[] = []
  for (const snapshot of await filesystemSnapshots(place).list()) {
    if (snapshot.path === undefined) continue
    try {
      states.push({ name: snapshot.name, directory: pathIn(place, snapshot, repository) })
    } catch (error) {
      if (!(error instanceof StorageError && ["missing", "unsupported"].includes(error.code))) throw error
    }
  }
  return states
}

/** The nearest directory above that is a store of ours. */
function storeAround(path: string): string | undefined {
  if (readSentinel(path) !== undefined) return path
  const above = dirname(path)
  return above === path ? undefined : storeAround(above)
}
