import type { Disk } from "./disks.js"
import type { SystemDisk } from "./system.js"

export interface MatchedDisk {
  /** As this machine sees it. */
  readonly machine: Disk | undefined
  /** As the NAS system sees it. */
  readonly system: SystemDisk | undefined
}

/**
 * Every disk once, whoever sees it. `serialOf` gives what is known of a disk of this machine. The same serial number is the same disk. Where
 * one of the two is not known (a container may not ask the disk for it) it is the same name, size and model. Pure.
 */
export function matchDisks(
  machine: readonly Disk[],
  system: readonly SystemDisk[],
  serialOf: (disk: Disk) => string | undefined,
): MatchedDisk[] {
  const left = new Set(system)
  const found = new Map<Disk, SystemDisk>()
  const take = (isSame: (disk: Disk, other: SystemDisk) => boolean): void => {
    for (const disk of machine) {
      if (found.has(disk)) continue
      const other = [...left].find((one) => isSame(disk, one))
      if (other === undefined) continue
      found.set(disk, other)
      left.delete(other)
    }
  }
  take((disk, other) => sameText(serialOf(disk), other.serial) === true)
  take((disk, other) => sameText(serialOf(disk), other.serial) === undefined && looksLike(disk, other))
  return [
    ...machine.map((disk) => ({ machine: disk, system: found.get(disk) })),
    ...[...left].map((other) => ({ machine: undefined, system: other })),
  ]
}

function looksLike(disk: Disk, { name, sizeBytes, model }: SystemDisk): boolean {
  if (disk.name !== name || sizeBytes !== disk.sizeBytes) return false
  const [one, other] = [bare(disk.model), bare(model)]
  // The kernel cuts the model of a SCSI disk after 16 characters.
  return one === "" || other === "" || one.startsWith(other) || other.startsWith(one)
}

/** Undefined where one of them is not known. */
function sameText(one: string | undefined, other: string | undefined): boolean | undefined {
  if (bare(one) === "" || bare(other) === "") return undefined
  return bare(one) === bare(other)
}

function bare(text: string | undefined): string {
  return (text ?? "").replace(/\s+/g, "").toUpperCase()
}
