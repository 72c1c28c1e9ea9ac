import { join } from "node:path"
import {
  hostFolders,
  type HostFolders,
  kernelLink,
  kernelNames,
  kernelNumber,
  kernelText,
} from "../disk/index.js"

/** A whole disk, as the kernel names it. */
export interface Disk {
  /** "sda", "nvme0n1" */
  readonly name: string
  readonly model: string | undefined
  readonly serial: string | undefined
  readonly sizeBytes: number
  /** `virtual`: a virtual machine's, whose real disk is elsewhere. */
  readonly kind: "hdd" | "ssd" | "nvme" | "virtual"
  readonly removable: boolean
  /** The kernel put it to sleep: whoever opens it wakes it. */
  readonly suspended: boolean
}

/** /sys counts in these, whatever the disk's own sectors are. */
const SECTOR = 512
/** CD drives, floppies, and what has no disk of its own: unions, memory, files. */
const NO_DISK = /^(sr|fd|loop|ram|zram|dm-|md|nbd|mtdblock|rbd|drbd|bcache|zd)\d|boot\d$|rpmb$/

/**
 * The disks of this machine, from /sys alone: none is opened, so none wakes. [] where /sys shows none; undefined where there is no
 * such /sys.
 */
export function listDisks(host: HostFolders = hostFolders): Disk[] | undefined {
  const folder = join(host.sys, "class/block")
  return kernelNames(folder)?.flatMap((name) => {
    const place = kernelLink(join(folder, name))
    if (NO_DISK.test(name) || place === undefined || kernelText(join(place, "partition")) !== undefined)
      return []
    const sectors = kernelNumber(join(place, "size")) ?? 0
    // An empty card reader.
    if (sectors === 0) return []
    const device = join(place, "device")
    return [
      {
        name,
        model: kernelText(join(device, "model")),
        serial: kernelText(join(device, "serial")) ?? kernelText(join(place, "serial")),
        sizeBytes: sectors * SECTOR,
        kind: kindOf(name, kernelText(join(device, "vendor")), kernelNumber(join(place, "queue/rotational"))),
        removable: kernelNumber(join(place, "removable")) === 1,
        suspended: kernelText(join(device, "power/runtime_status")) === "suspended",
      },
    ]
  })
}

function kindOf(name: string, vendor: string | undefined, rotational: number | undefined): Disk["kind"] {
  if (/^(vd|xvd)/.test(name) || /^(QEMU|VBOX|VMware|Msft)\b/.test(vendor ?? "")) return "virtual"
  if (name.startsWith("nvme")) return "nvme"
  return rotational === 0 ? "ssd" : "hdd"
}
