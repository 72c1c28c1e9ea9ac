import { join, relative } from "node:path"
import { StorageError } from "../../errors.js"
import { subvolumeAround } from "../btrfs-subvolume.js"
import { type Location, locate } from "../filesystem.js"
import { readMounts } from "../mountinfo.js"
import { STORE_FOLDER } from "../sentinel.js"
import { exposes } from "./exposure.js"
import type { SnapshotPlace } from "./snapshot.js"

export interface SnapshotQuestion {
  /** The store that the directory lies in. */
  readonly store: string
  /** Every directory that NFS clients may mount: nothing of them may lie around the filesystem snapshots. */
  readonly exported: readonly string[]
}

export type SnapshotAnswer =
  | { readonly possible: true; readonly place: SnapshotPlace }
  | { readonly possible: false; readonly message: string; readonly hint: string }

export const SNAPSHOT_FOLDER = `${STORE_FOLDER}/filesystem-snapshots`

/**
 * Whether filesystem snapshots can be made of what `directory` lies in, and where they would go, or why not. May hang where a
 * mount hangs. Throws StorageError where the directory or the store cannot be looked at.
 */
export function canSnapshot(directory: string, question: SnapshotQuestion): SnapshotAnswer {
  const location = locate(directory)
  const { type } = location.filesystem
  const store = locate(question.store)
  if (type === "btrfs") return onBtrfs(location, store, question.exported)
  if (type === "zfs") return onZfs(location, store.realPath)
  const hint = "Put the store on btrfs or ZFS, or copy the repository before what may damage it."
  return no(`${type} has no filesystem snapshots`, hint)
}

/** The same where only a place is of use. Throws StorageError `unsupported` with the reason. */
export function snapshotPlace(directory: string, question: SnapshotQuestion): SnapshotPlace {
  const answer = canSnapshot(directory, question)
  if (answer.possible) return answer.place
  throw new StorageError("unsupported", answer.message, { facts: { directory }, hint: answer.hint })
}

function onBtrfs(location: Location, store: Location, exported: readonly string[]): SnapshotAnswer {
  const tree = subvolumeAround(location)
  const folder = join(store.realPath, SNAPSHOT_FOLDER)
  if (tree === undefined) {
    const hint = "Mount the whole subvolume, or make the repository's directory a subvolume."
    return no(`only a part of the subvolume that ${location.realPath} lies in is mounted here`, hint)
  }
  if (store.mountPoint !== location.mountPoint || store.filesystem.uuid !== location.filesystem.uuid)
    return no(`${location.realPath} is not in the mount that its store is in`, "Make it a store of its own.")
  if (relative(store.realPath, tree).split("/")[0] === "..") {
    const hint = `Make ${store.realPath} a subvolume of its own.`
    return no(
      `the subvolume ${tree} reaches beyond the store, and a filesystem snapshot would hold all of it`,
      hint,
    )
  }
  const around = exposes(folder, exported, readMounts())
  if (around !== undefined) {
    const hint = "Export folders in the store, not what is around its .cistern folder."
    return no(`NFS clients could reach filesystem snapshots through the export of ${around}`, hint)
  }
  if (location.readOnly) return no(`${location.mountPoint} is mounted read-only`, "Mount it writable.")
  const notices = ["Subvolumes in it are not part of its filesystem snapshots."]
  return { possible: true, place: { kind: "btrfs", store: store.realPath, tree, folder, notices } }
}

function onZfs({ mountPoint, filesystem }: Location, store: string): SnapshotAnswer {
  const notices = [
    "Datasets below it are not part of its filesystem snapshots.",
    "NFS clients of the dataset can read them in `.zfs/snapshot`, and can change nothing there.",
  ]
  const folder = join(mountPoint, ".zfs/snapshot")
  const place = { kind: "zfs", dataset: filesystem.source, store, tree: mountPoint, folder, notices } as const
  return { possible: true, place }
}

function no(message: string, hint: string): SnapshotAnswer {
  return { possible: false, message, hint }
}
