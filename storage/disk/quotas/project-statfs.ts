import { statfsSync } from "node:fs"
import { fileError } from "../../blobs/index.js"

/** What statfs tells of a project's limits: one system call that takes no rights. */
export interface StatfsFigures {
  readonly limitBytes: number
  /** Undefined where the filesystem itself has less room left than the limit, so that it is the room that is told. */
  readonly usedBytes: number | undefined
  /** Undefined: it limits no files. */
  readonly limitFiles: number | undefined
  readonly usedFiles: number | undefined
}

interface Reading {
  readonly bytes: number
  readonly freeBytes: number
  readonly files: number
  readonly freeFiles: number
}

/**
 * XFS and ext4 answer statfs on a directory with the project's limits in place of the filesystem's size. Undefined where both
 * tell the same: no limit of bytes, or one that is larger than the filesystem. Of a soft and a hard limit it is the soft one.
 */
export function statfsFigures(directory: string, mountPoint: string): StatfsFigures | undefined {
  // Twice, because the filesystem's own figures change while others write.
  const before = reading(mountPoint)
  const here = reading(directory)
  const around = [before, reading(mountPoint)]
  if (!around.every(({ bytes }) => here.bytes < bytes)) return undefined
  const limitsFiles = around.every(({ files }) => here.files < files)
  const isRoom = around.some(({ freeBytes }) => freeBytes <= here.freeBytes)
  return {
    limitBytes: here.bytes,
    usedBytes: isRoom ? undefined : here.bytes - here.freeBytes,
    limitFiles: limitsFiles ? here.files : undefined,
    usedFiles: limitsFiles ? here.files - here.freeFiles : undefined,
  }
}

/** Whether two directories are told the same figures, as two in one project are. */
export function lookAlike(one: string, other: string): boolean {
  return JSON.stringify(reading(one)) === JSON.stringify(reading(other))
}

function reading(path: string): Reading {
  try {
    const { bsize, blocks, bfree, files, ffree } = statfsSync(path, { bigint: true })
    return {
      bytes: Number(blocks * bsize),
      freeBytes: Number(bfree * bsize),
      files: Number(files),
      freeFiles: Number(ffree),
    }
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}
