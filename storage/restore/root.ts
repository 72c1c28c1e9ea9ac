import { basename } from "node:path"
import type { FileContents, SnapshotEntry } from "../contents.js"
import { StorageError } from "../errors.js"
import type { Snapshot } from "../repository.js"

export interface RootToRestore {
  readonly entry: SnapshotEntry
  /** What it is called where it is a file by itself. */
  readonly name: Uint8Array
  /** Why its owner, mode and time are not known although the engine records them. */
  readonly problem: StorageError | undefined
}

/** A snapshot's root for a restore. Throws `corrupt` when the snapshot has none. */
export async function rootToRestore(contents: FileContents, snapshot: Snapshot): Promise<RootToRestore> {
  const name = Buffer.from(basename(snapshot.source.paths[0] ?? "") || "content")
  try {
    return { entry: await contents.describedRoot(snapshot), name, problem: undefined }
  } catch (problem) {
    if (!(problem instanceof StorageError)) throw problem
    // All below it may be whole.
    return { entry: contents.root(snapshot), name, problem }
  }
}
