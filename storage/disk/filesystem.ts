import { realpathSync, statSync } from "node:fs"
import { fileError } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import { filesystemUuid, hostFolders, type HostFolders } from "./filesystem-uuid.js"
import { type Mount, mountOf, readMounts } from "./mountinfo.js"

/** Which filesystem it is, as far as that can be told without asking a program. */
export interface FilesystemIdentity {
  readonly type: string
  /** The device, the dataset, or server:/path. Device names may change at a reboot. */
  readonly source: string
  /** The subvolume or directory of the filesystem that is mounted. */
  readonly root: string
  readonly uuid: string | undefined
  /**
   * How much an equal identity proves. `uuid`: the same filesystem. `source`: the same name of a device or server.
   * `weak`: nothing, every tmpfs and overlay looks alike.
   */
  readonly strength: "uuid" | "source" | "weak"
}

/** Where a path really is at this moment. */
export interface Location {
  /** With all links followed. */
  readonly realPath: string
  readonly mountPoint: string
  readonly readOnly: boolean
  /** st_dev in decimal. Good for comparing while the machine runs; another one after a reboot or a new mount. */
  readonly device: string
  readonly filesystem: FilesystemIdentity
  /** Where other filesystems are mounted below it. Those that a filesystem mounts by itself to show its snapshots do not count. */
  readonly mountsBelow: readonly string[]
}

/**
 * Looks where `path`, an existing directory, is. May hang where its mount hangs. Throws StorageError: `missing` when there is
 * nothing or no directory, `unreadable`, `io`.
 */
export function locate(path: string, host: HostFolders = hostFolders): Location {
  return locateAmong(path, host).location
}

/** The same, with the table of mounts that it was found in. `identities`: of mounts that were looked at a moment ago. */
export function locateAmong(
  path: string,
  host: HostFolders,
  identities = new Map<Mount, FilesystemIdentity>(),
): { readonly location: Location; readonly mounts: readonly Mount[] } {
  if (!path.startsWith("/")) throw new StorageError("invalid", `${path} is not an absolute path`)
  const { realPath, device } = directoryAt(path)
  // After the look at the directory: that is what makes an automounter mount.
  const mounts = readMounts()
  const mount = mountOf(realPath, mounts)
  const filesystem = identities.get(mount) ?? identityOf(mount, host)
  identities.set(mount, filesystem)
  const { mountPoint, readOnly } = mount
  const mountsBelow = mountPointsBelow(realPath, mounts)
  return { location: { realPath, mountPoint, readOnly, device, filesystem, mountsBelow }, mounts }
}

function mountPointsBelow(realPath: string, mounts: readonly Mount[]): string[] {
  const prefix = realPath === "/" ? "/" : `${realPath}/`
  return mounts
    .map(({ mountPoint }) => mountPoint)
    .filter((place) => place.startsWith(prefix) && !place.includes("/.zfs/snapshot/"))
}

function directoryAt(path: string): { realPath: string; device: string } {
  try {
    const realPath = realpathSync(path)
    const stats = statSync(realPath, { bigint: true })
    if (!stats.isDirectory()) {
      throw new StorageError("missing", `${path} is not a directory`, { facts: { file: path } })
    }
    return { realPath, device: stats.dev.toString() }
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}

export function identityOf(mount: Mount, host: HostFolders = hostFolders): FilesystemIdentity {
  const uuid = filesystemUuid(mount, host)
  const { type, source, root } = mount
  return { type, source, root, uuid, strength: uuid === undefined ? strengthByName(type) : "uuid" }
}

function strengthByName(type: string): "source" | "weak" {
  return interchangeable.has(type) ? "weak" : "source"
}

/** Filesystems whose source is only a word, such as "tmpfs". */
const interchangeable = new Set([
  "tmpfs",
  "ramfs",
  "overlay",
  "overlayfs",
  "aufs",
  "devtmpfs",
  "rootfs",
  "squashfs",
])
