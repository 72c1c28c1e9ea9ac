import type { StorageError } from "../errors.js"
import type { Disk } from "./disks.js"
import type { SmartFigures } from "./smart.js"

/** A NAS system that is asked by its own interface. */
export type SystemKind = "truenas" | "synology"

/** What a NAS system says of its own hardware. A part is undefined where it does not tell; `problems` say why. */
export interface SystemReport {
  readonly figures: SystemFigures | undefined
  readonly pools: readonly SystemPool[] | undefined
  readonly disks: readonly SystemDisk[] | undefined
  readonly problems: readonly StorageError[]
}

/** The NAS as a whole. Undefined: it does not say. */
export interface SystemFigures {
  readonly version: string
  readonly model: string | undefined
  readonly hostName: string | undefined
  readonly memoryBytes: number | undefined
  readonly uptimeSeconds: number | undefined
  readonly temperatureC: number | undefined
}

/** How bad it is by the system's own account; undefined: it says nothing, or a word that is not known. */
export type SystemVerdict = "good" | "warn" | "fail" | undefined

/** What stores lie on: a pool of ZFS, a volume of DSM's. */
export interface SystemPool {
  /** `tank`, `/volume1` */
  readonly name: string
  /** Where it is mounted. */
  readonly path: string
  /** In the system's own word. */
  readonly state: string
  readonly verdict: SystemVerdict
  /** What it says besides. */
  readonly detail: string | undefined
  readonly totalBytes: number | undefined
  readonly freeBytes: number | undefined
}

export interface SystemDisk extends Pick<Disk, "name" | "model" | "serial"> {
  readonly sizeBytes: number | undefined
  readonly kind: "hdd" | "ssd" | "nvme" | "unknown"
  /** Names of the pools that it is part of; undefined: not told. */
  readonly pools: readonly string[] | undefined
  /** In the system's own words. */
  readonly state: string | undefined
  /** Of the disk, whatever its figures are. */
  readonly verdict: SystemVerdict
  readonly figures: SmartFigures
  /** What the system complains about besides its figures, one sentence each. */
  readonly complaints: readonly SystemComplaint[]
}

export interface SystemComplaint {
  readonly verdict: "warn" | "fail"
  readonly message: string
}

/** The worst of several; undefined where there is none. Pure. */
export function worstOf(verdicts: readonly SystemVerdict[]): SystemVerdict {
  return (["fail", "warn", "good"] as const).find((one) => verdicts.includes(one))
}

/** Figures of which none is told. */
export const noFigures: SmartFigures = {
  model: undefined,
  serial: undefined,
  passed: undefined,
  temperatureC: undefined,
  limitC: undefined,
  powerOnHours: undefined,
  reallocated: undefined,
  pending: undefined,
  uncorrectable: undefined,
  mediaErrors: undefined,
  wearPercent: undefined,
  spare: undefined,
  failingAttributes: [],
}
