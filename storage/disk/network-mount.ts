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

function isNetwork({ type }: Mount): boolean {
  return NETWORK.has(type) || type.startsWith("fuse")
}

/**
 * Why what is read below `path` may be long out of date; undefined when it is not. An NFS client looks at the server when a
 * directory is opened, unless it was mounted with "nocto": then it may show a listing that is a minute old as if it were new.
 */
export function staleReadsAt(path: string): { message: string; hint: string } | undefined {
  const { type, options, mountPoint } = mountOf(path, readMounts())
  if (type !== "nfs" || !options.includes("nocto")) return undefined
  return {
    message: `${mountPoint} is mounted with "nocto": what is read there may be long out of date`,
    hint: "Mount it without nocto, best with `actimeo=1`.",
  }
}
