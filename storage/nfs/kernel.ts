import { readFileSync } from "node:fs"
import { fileError } from "../blobs/index.js"
import { errnoOf } from "../errno.js"
import { type ActiveExport, parseEtab } from "./etab.js"

/** Where the kernel's NFS server and nfs-utils keep what is exported. */
export interface KernelFiles {
  readonly etab: string
  /** The number of the server's threads; 0 while it is stopped. */
  readonly threads: string
}

export const kernelFiles: KernelFiles = { etab: "/var/lib/nfs/etab", threads: "/proc/fs/nfsd/threads" }

export interface KernelServer {
  readonly running: boolean
  readonly active: readonly ActiveExport[]
}

/**
 * What the kernel's NFS server exports now; undefined where there is none: neither its table nor its folder in /proc. No client
 * is disturbed, and no network is asked. Throws StorageError `unreadable`, `io`, `corrupt`.
 */
export function readKernelServer(files: KernelFiles = kernelFiles): KernelServer | undefined {
  const [threads, table] = [textOf(files.threads), textOf(files.etab)]
  if (threads === undefined && table === undefined) return undefined
  return { running: Number(threads ?? 0) > 0, active: parseEtab(table ?? "") }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined
    throw fileError(cause, file, file)
  }
}
