import { statSync } from "node:fs"
import { dirname } from "node:path"
import type { Location } from "./filesystem.js"

/** The number that the root of every subvolume has. */
const SUBVOLUME_ROOT = 256n

/** Whether the directory, on a btrfs, is a subvolume and not only in one. */
export function isSubvolume(inode: bigint): boolean {
  return inode === SUBVOLUME_ROOT
}

/**
 * The root of the subvolume that a directory on btrfs lies in; undefined where only a part of that subvolume is mounted, so
 * that its root cannot be seen. Throws as any file access does.
 */
export function subvolumeAround({
  realPath,
  mountPoint,
}: Pick<Location, "realPath" | "mountPoint">): string | undefined {
  if (isSubvolume(statSync(realPath, { bigint: true }).ino)) return realPath
  if (realPath === mountPoint) return undefined
  return subvolumeAround({ realPath: dirname(realPath), mountPoint })
}
