import { join } from "node:path"
import type { HostFolders } from "../filesystem-uuid.js"
import { kernelNames, kernelNumber, kernelText } from "../kernel-files.js"

/** What the filesystem itself counted. */
export interface CountedErrors {
  readonly count: number
  /** Where there are some: one phrase for each kind. */
  readonly kinds: readonly string[]
}

/** ext4 keeps its count in the superblock, until e2fsck clears it. Undefined where it cannot be read. */
export function ext4Errors(device: string, host: HostFolders): CountedErrors | undefined {
  const folder = join(host.sys, "fs/ext4", device)
  const count = kernelNumber(join(folder, "errors_count"))
  if (count === undefined) return undefined
  const last = kernelNumber(join(folder, "last_error_time")) ?? 0
  const when = last === 0 ? "" : `, the last at ${new Date(last * 1000).toISOString()}`
  return { count, kinds: count === 0 ? [] : [`${count} errors${when}`] }
}

/** btrfs keeps them for each device, until `btrfs device stats --reset`. Undefined where those of one device cannot be read. */
export function btrfsErrors(uuid: string, host: HostFolders): CountedErrors | undefined {
  const folder = join(host.sys, "fs/btrfs", uuid, "devinfo")
  const kinds: string[] = []
  let count = 0
  const ids = kernelNames(folder)
  if (ids === undefined || ids.length === 0) return undefined
  for (const id of ids) {
    const stats = kernelText(join(folder, id, "error_stats"))
    if (stats === undefined) return undefined
    // "write_errs 0"; a line of another form is one of the heading of newer kernels.
    for (const [, kind = "", number = ""] of stats.matchAll(/^(\w+)_errs (\d+)$/gm)) {
      count += Number(number)
      if (Number(number) > 0) kinds.push(`${number} ${kind} errors on device ${id}`)
    }
  }
  return { count, kinds }
}
