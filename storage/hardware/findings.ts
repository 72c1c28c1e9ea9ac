import type { Disk } from "./disks.js"
import type { SmartFigures } from "./smart.js"

/** The machine's memory, in bytes. */
export interface Memory {
  readonly totalBytes: number
  /** What programs can still have, caches included that the kernel would give up. */
  readonly availableBytes: number
  readonly swapTotalBytes: number
  readonly swapFreeBytes: number
}

export interface HardwareFinding {
  readonly code: string
  readonly severity: "warn" | "fail"
  /** The kernel's name; undefined for what is of the whole machine. */
  readonly disk: string | undefined
  readonly message: string
  readonly hint: string
}

/** Where a disk does not say what it bears. Most hard disks are made for 60 °C at most; NVMe slows down at about 70. */
const HOT_C = 60
const HOT_NVME_C = 70
/** Of the whole. */
const LITTLE_MEMORY = 0.05

/** What is wrong with a disk by what it says itself. Of what it does not say, nothing is said. Pure. */
export function diskFindings(
  { name, kind }: Pick<Disk, "name" | "kind">,
  smart: SmartFigures,
): HardwareFinding[] {
  const found: HardwareFinding[] = []
  const add = (code: string, severity: HardwareFinding["severity"], message: string, hint: string): void => {
    found.push({ code, severity, disk: name, message: `${name} ${message}`, hint })
  }
  if (smart.passed === false) {
    const hint = "Replace it now, and see that what lies on it is elsewhere too."
    add("disk_failing", "fail", "says that it is about to fail (SMART)", hint)
  }
  if (smart.passed !== false && smart.failingAttributes.length > 0) {
    const names = smart.failingAttributes.join(", ")
    add("attribute_failing", "warn", `has attributes below their threshold: ${names}`, "Plan to replace it.")
  }
  const sectors = [
    [smart.reallocated, "replaced sectors"],
    [smart.pending, "sectors that it cannot read now"],
    [smart.uncorrectable, "sectors that it could not read"],
    [smart.mediaErrors, "failed reads or writes"],
  ] as const
  const bad = sectors.flatMap(([count, what]) =>
    count !== undefined && count > 0 ? [`${count} ${what}`] : [],
  )
  if (bad.length > 0) {
    const hint =
      "Run `smartctl -t long` on it and a scrub of what lies on it; replace it if the numbers grow."
    add("bad_sectors", "warn", `has ${bad.join(", ")}`, hint)
  }
  const { wearPercent, spare, temperatureC } = smart
  if (wearPercent !== undefined && wearPercent >= 100) {
    add("worn", "warn", `has used up the life that it was made for (${wearPercent} %)`, "Plan to replace it.")
  }
  if (spare !== undefined && spare.percent < spare.threshold) {
    add("no_spare", "fail", `has ${spare.percent} % of its reserve left`, "Replace it.")
  }
  // Some disks without a limit say 0.
  const own = smart.limitC !== undefined && smart.limitC > 0 ? smart.limitC : undefined
  const limit = own ?? (kind === "nvme" ? HOT_NVME_C : HOT_C)
  if (temperatureC !== undefined && temperatureC > limit) {
    const whose = own === undefined ? "" : "its own limit of "
    add("hot", "warn", `has ${temperatureC} °C, above ${whose}${limit} °C`, "Look at the fans and the dust.")
  }
  return found
}

/** Whether the memory is nearly used up. Pure. */
export function memoryFindings({ totalBytes, availableBytes }: Memory): HardwareFinding[] {
  if (availableBytes >= totalBytes * LITTLE_MEMORY) return []
  const percent = ((availableBytes / totalBytes) * 100).toFixed(1)
  const message = `${percent} % of the memory are available`
  const hint =
    "See what uses it: the kernel ends programs when nothing is left, and may choose the NFS server."
  return [{ code: "memory_low", severity: "warn", disk: undefined, message, hint }]
}
