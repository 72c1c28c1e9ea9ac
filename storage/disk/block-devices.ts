import { existsSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { hostFolders, type HostFolders } from "./filesystem-uuid.js"
import { kernelLink, kernelNames } from "./kernel-files.js"

/** What a filesystem's device is made of, by the kernel's names such as "sda1" and "md0". */
export interface BlockStack {
  /** Whole devices that are made of nothing else: disks, and a virtual machine's idea of them. */
  readonly disks: readonly string[]
  /** md arrays on the way there. */
  readonly arrays: readonly string[]
}

/** The name of the block device of a number "major:minor"; undefined where /sys has none. */
export function blockDeviceOf(number: string, host: HostFolders = hostFolders): string | undefined {
  const place = kernelLink(join(host.sys, "dev/block", number))
  return place && basename(place)
}

/**
 * What lies under these devices: a partition on its disk, md and device-mapper devices (LVM, LUKS, multipath) on their slaves.
 * Undefined where one of them is not there.
 */
export function blockStack(
  names: readonly string[],
  host: HostFolders = hostFolders,
): BlockStack | undefined {
  const [disks, arrays] = [new Set<string>(), new Set<string>()]
  const seen = new Set<string>()
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    const place = kernelLink(join(host.sys, "class/block", name))
    if (place === undefined) return undefined
    const slaves = kernelNames(join(place, "slaves")) ?? []
    if (existsSync(join(place, "md"))) arrays.add(name)
    if (existsSync(join(place, "partition"))) waiting.push(basename(dirname(place)))
    else if (slaves.length > 0) waiting.push(...slaves)
    else disks.add(name)
  }
  return { disks: [...disks].sort(), arrays: [...arrays].sort() }
}

/** The devices of a mounted btrfs, which may be several; undefined where it is not mounted here. */
export function btrfsDevices(uuid: string, host: HostFolders = hostFolders): string[] | undefined {
  return kernelNames(join(host.sys, "fs/btrfs", uuid, "devices"))
}
