import { btrfsSnapshots } from "./btrfs-snapshots.js"
import type { FilesystemSnapshots, SnapshotPlace } from "./snapshot.js"
import { zfsSnapshots } from "./zfs-snapshots.js"

/** The filesystem snapshots of a place that `canSnapshot` gave. */
export function filesystemSnapshots(place: SnapshotPlace): FilesystemSnapshots {
  return place.kind === "btrfs" ? btrfsSnapshots(place) : zfsSnapshots(place)
}
