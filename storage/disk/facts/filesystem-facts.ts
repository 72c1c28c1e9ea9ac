import { statSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../../blobs/index.js"
import { blockDeviceOf, blockStack, btrfsDevices } from "../block-devices.js"
import { locateAmong } from "../filesystem.js"
import { hostFolders, type HostFolders } from "../filesystem-uuid.js"
import { kernelNames, kernelText } from "../kernel-files.js"
import { type Mount, mountOf } from "../mountinfo.js"
import { type Space, spaceAt } from "../space.js"
import { btrfsErrors, type CountedErrors, ext4Errors } from "./error-counts.js"
import {
  type Checksums,
  checksumsOf,
  compressionOf,
  type MountedAs,
  optionsThatMatter,
  type SyncFact,
  syncOf,
} from "./mount-facts.js"
import { arraysIn, btrfsRedundancy, poolRedundancy, type Redundancy } from "./redundancy.js"
import { xfsReflink } from "./xfs-features.js"

/** What a filesystem can do, and how it is. Plain JSON. What could not be found out is undefined, or says "unknown". */
export interface FilesystemFacts {
  readonly type: string
  readonly source: string
  readonly mountPoint: string
  readonly readOnly: boolean
  /** Those of the mount that say something of safety or speed. */
  readonly options: readonly string[]
  readonly space: Space
  readonly checksums: Checksums
  /**
   * Whether a filesystem snapshot can be had: of the path, which is a subvolume or in a dataset; only of the subvolume around it; by
   * copies of files that share blocks; or not.
   */
  readonly snapshots: "subvolume" | "subvolume_around" | "dataset" | "reflink" | "none" | "unknown"
  /** "none", or the algorithm. */
  readonly compression: string | undefined
  readonly sync: SyncFact
  readonly errors: CountedErrors | undefined
  readonly redundancy: readonly Redundancy[]
  /** The device is still mounted and the kernel has it no more: it was pulled, or it failed. */
  readonly deviceGone: boolean
  /** The kernel's names of the disks that it lies on. */
  readonly disks: readonly string[] | undefined
}

/**
 * Looks at the filesystem under `path`, an existing directory. Starts no program and writes nothing. May hang where the mount hangs,
 * so call it in the store's thread. Throws StorageError `missing`, `unreadable`, `io`.
 */
export function filesystemFacts(path: string, host: HostFolders = hostFolders): FilesystemFacts {
  const { location, mounts } = locateAmong(path, host)
  const { realPath, mountPoint, readOnly, filesystem } = location
  const mount = mountOf(realPath, mounts)
  const { type, source, uuid } = filesystem
  const devices = devicesOf(mount, uuid, host)
  const stack = devices && blockStack(devices, host)
  const as = mountedAs(mount, devices?.[0], host)
  return {
    type,
    source,
    mountPoint,
    readOnly,
    options: optionsThatMatter(as),
    space: spaceAt(realPath),
    checksums: checksumsOf(as),
    snapshots: snapshotsOf(realPath, type, devices?.[0], host),
    compression: compressionOf(as),
    sync: syncOf(as),
    errors: errorsOf(type, uuid, devices?.[0], host),
    redundancy: [
      ...(type === "btrfs" && uuid !== undefined ? btrfsRedundancy(uuid, host) : []),
      ...(type === "zfs" ? poolRedundancy(source, host) : []),
      ...(stack === undefined ? [] : arraysIn(stack, host)),
    ],
    deviceGone: isDeviceGone(mount, host),
    disks: stack?.disks,
  }
}

/** The block devices under a mount; undefined where it has none that the kernel names: ZFS, a network, memory. */
function devicesOf(mount: Mount, uuid: string | undefined, host: HostFolders): string[] | undefined {
  if (mount.type === "btrfs") return uuid === undefined ? undefined : btrfsDevices(uuid, host)
  const name = blockDeviceOf(mount.device, host)
  return name === undefined ? undefined : [name]
}

/** Filesystems without a device of their own have major number 0. */
function isDeviceGone({ device }: Mount, host: HostFolders): boolean {
  if (device.startsWith("0:")) return false
  const known = kernelNames(join(host.sys, "dev/block"))
  return known !== undefined && known.length > 0 && !known.includes(device)
}

/** The table of mounts leaves out what ext4 was told by tune2fs: its own list has everything. */
function mountedAs(mount: Mount, device: string | undefined, host: HostFolders): MountedAs {
  const { type, flags, options } = mount
  const isExt = /^ext[234]$/.test(type)
  const own =
    isExt && device !== undefined ? kernelText(join(host.proc, "fs/ext4", device, "options")) : undefined
  return { type, flags, options: [...options, ...(own?.split("\n") ?? [])] }
}

function snapshotsOf(
  realPath: string,
  type: string,
  device: string | undefined,
  host: HostFolders,
): FilesystemFacts["snapshots"] {
  if (type === "btrfs") return isSubvolume(realPath) ? "subvolume" : "subvolume_around"
  if (type === "zfs") return "dataset"
  if (type === "xfs") {
    const can = device === undefined ? undefined : xfsReflink(join(host.dev, device.replaceAll("!", "/")))
    return can === undefined ? "unknown" : can ? "reflink" : "none"
  }
  return /^(ext[234]|tmpfs|ramfs|vfat|exfat)$/.test(type) ? "none" : "unknown"
}

/** The root of each subvolume has the inode number 256, and nothing else has (BTRFS_FIRST_FREE_OBJECTID). */
function isSubvolume(path: string): boolean {
  try {
    return statSync(path).ino === 256
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}

function errorsOf(
  type: string,
  uuid: string | undefined,
  device: string | undefined,
  host: HostFolders,
): CountedErrors | undefined {
  if (type === "btrfs" && uuid !== undefined) return btrfsErrors(uuid, host)
  // XFS counts none that can be read: /sys/fs/xfs holds what it does about errors, not how many there were.
  return /^ext[234]$/.test(type) && device !== undefined ? ext4Errors(device, host) : undefined
}
