import { join } from "node:path"
import { type BlockStack } from "../block-devices.js"
import type { HostFolders } from "../filesystem-uuid.js"
import { kernelNames, kernelNumber, kernelText } from "../kernel-files.js"

/** Something that keeps data on several devices. */
export interface Redundancy {
  /** "md0", a pool, or "btrfs". */
  readonly name: string
  /** "raid1", "raid6", "single"; undefined where it cannot be read. */
  readonly level: string | undefined
  /** Whether a device is missing that it should have; undefined where it cannot be read. */
  readonly degraded: boolean | undefined
}

/** The arrays under a filesystem: what `/sys/block/md0/md` tells of each. A level without redundancy is never degraded. */
export function arraysIn({ arrays }: Pick<BlockStack, "arrays">, host: HostFolders): Redundancy[] {
  return arrays.map((name) => {
    const folder = join(host.sys, "class/block", name, "md")
    const level = kernelText(join(folder, "level"))
    const missing = kernelNumber(join(folder, "degraded"))
    const plain = level === "raid0" || level === "linear"
    return { name, level, degraded: missing === undefined ? (plain ? false : undefined) : missing > 0 }
  })
}

const PROFILES = ["single", "dup", "raid0", "raid1", "raid1c3", "raid1c4", "raid10", "raid5", "raid6"]

/** How btrfs keeps data: one for each profile, two while it is being converted. */
export function btrfsRedundancy(uuid: string, host: HostFolders): Redundancy[] {
  const folder = join(host.sys, "fs/btrfs", uuid)
  const levels = kernelNames(join(folder, "allocation/data"))?.filter((name) => PROFILES.includes(name))
  const devices = kernelNames(join(folder, "devinfo"))?.map((id) =>
    kernelNumber(join(folder, "devinfo", id, "missing")),
  )
  const unknown = devices === undefined || devices.includes(undefined)
  const degraded = devices?.some((missing) => missing === 1) === true ? true : unknown ? undefined : false
  const name = "btrfs"
  if (levels === undefined || levels.length === 0) return [{ name, level: undefined, degraded }]
  return levels.map((level) => ({ name, level, degraded }))
}

/** A pool of ZFS, by the state that it has in /proc. What it is made of cannot be read there. */
export function poolRedundancy(dataset: string, host: HostFolders): Redundancy[] {
  const [name = ""] = dataset.split(/[/@]/, 1)
  const state = kernelText(join(host.proc, "spl/kstat/zfs", name, "state"))
  return [{ name, level: undefined, degraded: state === undefined ? undefined : state !== "ONLINE" }]
}
