import { closeSync, constants, openSync, realpathSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileError } from "../blobs/index.js"
import { type Mount, mountOf, readMounts } from "./mountinfo.js"

/** Filesystems on which other machines write: the kernel tells nobody here of what they change. */
const NETWORK = new Set([
  "nfs",
  "cifs",
  "smb3",
  "smbfs",
  "9p",
  "ceph",
  "glusterfs",
  "afs",
  "lustre",
  "virtiofs",
])

/**
 * Whether changes of files below `path` are told as events. From the table of mounts alone, so that it never hangs; `path` is
 * absolute. Links in it are not followed: one that leads to a network mount costs freshness until the next timer.
 */
export function hasFileEvents(path: string): boolean {
  return !isNetwork(mountOf(path, readMounts()))
}

/** Whether a filesystem of this type is another machine's. */
export function isServed(type: string): boolean {
  return NETWORK.has(type)
}

/** Whether another machine, or a program of this one, answers for what is mounted there, and may not answer. */
export function isNetwork({ type }: Pick<Mount, "type">): boolean {
  return isServed(type) || type.startsWith("fuse")
}

/**
 * Why what is read below `path` may be long out of date; undefined when it is not. An NFS client looks at the server when a
 * directory is opened, unless it was mounted with "nocto": then it may show a listing that is a minute old as if it were new.
 * May hang where the mount hangs.
 */
export function staleReadsAt(path: string): { message: string; hint: string } | undefined {
  const { type, options, mountPoint } = mountOf(realPathOf(path), readMounts())
  if (type !== "nfs" || !options.includes("nocto")) return undefined
  return {
    message: `${mountPoint} is mounted with "nocto": what is read there may be long out of date`,
    hint: "Mount it without nocto, best with `actimeo=1`.",
  }
}

/**
 * Makes an NFS client forget what it believes about `path`, an absolute path that need not exist. The client asks the server
 * about a directory when that is opened, but not about the names on the way to it: for a minute it takes a name for absent
 * that another machine has made meanwhile, and follows a renamed directory under its old name. Opening every directory on
 * the way, from the mount point on, ends that. May hang where the mount hangs. Throws StorageError `unreadable`, `io`.
 */
export function askServerAnew(path: string): void {
  const real = realPathOf(path)
  const mount = mountOf(real, readMounts())
  if (!isNetwork(mount)) return
  for (const directory of wayTo(real, mount.mountPoint)) {
    try {
      closeSync(openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY))
    } catch (cause) {
      const error = fileError(cause, directory, directory)
      // The server says that there is no more of this way.
      if (error.code === "missing") return
      throw error
    }
  }
}

/** "/mnt", "/mnt/a", "/mnt/a/b" for "/mnt/a/b" from "/mnt" on. */
function wayTo(path: string, from: string): string[] {
  return path === from || path === "/" ? [path] : [...wayTo(dirname(path), from), path]
}

/** With all links followed that are there. */
function realPathOf(path: string): string {
  try {
    return realpathSync.native(path)
  } catch (cause) {
    const error = fileError(cause, path, path)
    if (error.code === "missing" && path !== "/") return join(realPathOf(dirname(path)), basename(path))
    throw error
  }
}
