import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { TrueNasApi } from "./client.js"

const statfs = z.object({
  source: z.string(),
  dest: z.string(),
  fstype: z.string(),
  total_bytes: z.number(),
  avail_bytes: z.number(),
})

/** The filesystem that a directory of TrueNAS is on. */
export interface FoundFilesystem {
  /** For ZFS the dataset. */
  readonly source: string
  /** Where it is mounted. */
  readonly mountPoint: string
  /** "zfs". */
  readonly type: string
  /** What is used and what is available to it: this changes as its siblings write. */
  readonly totalBytes: number
  readonly availableBytes: number
}

/** `path` is one below `/mnt`. Undefined where TrueNAS has no such directory. */
export async function filesystemAt(api: TrueNasApi, path: string): Promise<FoundFilesystem | undefined> {
  try {
    const found = await api.call("filesystem.statfs", [path], statfs)
    const { source, dest, fstype, total_bytes: totalBytes, avail_bytes: availableBytes } = found
    return { source, mountPoint: dest, type: fstype, totalBytes, availableBytes }
  } catch (error) {
    if (error instanceof StorageError && error.code === "missing") return undefined
    throw error
  }
}
