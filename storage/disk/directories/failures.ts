import { errnoOf } from "../../errno.js"
import { StorageError, type StorageErrorCode } from "../../errors.js"

const known: Readonly<Record<string, readonly [StorageErrorCode, string]>> = {
  EPERM: [
    "unreadable",
    "Only root may give files away: run the daemon as root, or do it by hand as root. On ZFS with NFSv4 ACLs, `aclmode=restricted` refuses every chmod; an immutable flag (`lsattr -d`) refuses both.",
  ],
  EACCES: ["unreadable", "Let the daemon's user enter the directory and write to the one above it."],
  EROFS: ["unreadable", "Mount the store's filesystem writable."],
  ENOSPC: ["io", "Make room on the store's filesystem."],
  EDQUOT: ["io", "Raise the quota of the store's filesystem, or make room in it."],
  EXDEV: ["unsupported", "It is on another filesystem: only what is on the store's own can be moved there."],
  EBUSY: ["unsupported", "Something is mounted there. Unmount it first."],
  ENOTEMPTY: ["unstable", "Something was put there meanwhile. Look at it, and try again."],
  EEXIST: ["unstable", "Something was put there meanwhile. Look at it, and try again."],
}

/** A change that the system refused, as a StorageError; what is one already, or no system call's, is passed on. */
export function changeError(cause: unknown, path: string, what: string): unknown {
  if (cause instanceof StorageError) return cause
  const errno = errnoOf(cause)
  if (errno === undefined) return cause
  const [code, hint] = known[errno] ?? [
    "io" as const,
    "Look at the kernel log and at the health of the disk or the network filesystem.",
  ]
  return new StorageError(code, `${path} ${what} (${errno})`, { facts: { file: path, errno }, hint, cause })
}

/** It is not what it has to be: a link in the way, a file in a directory's place. */
export function wrongKind(path: string, what: string): StorageError {
  return new StorageError("corrupt", `${path} is ${what}, not a directory`, {
    facts: { file: path },
    hint: "Find out who put it there, and move it away.",
  })
}

/** Somebody put another thing in its place between a look and an act. */
export function swapped(path: string): StorageError {
  return new StorageError("unstable", `${path} is another directory than a moment ago`, {
    facts: { file: path },
    hint: "Find out who replaces it, and look at it again.",
  })
}
