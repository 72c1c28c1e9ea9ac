import { mkdirSync } from "node:fs"
import { join } from "node:path"
import {
  type FilesystemSnapshots,
  filesystemSnapshots,
  snapshotPlace,
  takeStoreFence,
} from "../../storage/disk/index.js"
import { btrfsMount, subvolume } from "./btrfs.js"

/** A store that is a subvolume of its own on a new btrfs, with its sentinel. */
export function snapshotStore(name = "store"): { disk: string; store: string } {
  const disk = btrfsMount()
  const store = subvolume(join(disk, name))
  takeStoreFence(store, { sentinel: true })
  return { disk, store }
}

/** A folder in a store. */
export function folderIn(store: string, name: string): string {
  const folder = join(store, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** The filesystem snapshots of what a directory lies in, with nothing exported. */
export function snapshotsOf(directory: string, store: string): FilesystemSnapshots {
  return filesystemSnapshots(snapshotPlace(directory, { store, exported: [] }))
}
