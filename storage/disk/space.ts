import { statfsSync } from "node:fs"
import { fileError } from "../blobs/index.js"

export interface Space {
  readonly totalBytes: number
  /** What an ordinary user may still write: without what ext4 keeps back for root. */
  readonly availableBytes: number
  /** 0 where the filesystem makes inodes as it needs them (btrfs, ZFS). */
  readonly totalFiles: number
  readonly availableFiles: number
}

/** The space of the filesystem under `path`. May hang where the mount hangs. Throws StorageError as any file access. */
export function spaceAt(path: string): Space {
  try {
    const { bsize, blocks, bavail, files, ffree } = statfsSync(path, { bigint: true })
    return {
      totalBytes: Number(blocks * bsize),
      availableBytes: Number(bavail * bsize),
      totalFiles: Number(files),
      availableFiles: Number(ffree),
    }
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}
