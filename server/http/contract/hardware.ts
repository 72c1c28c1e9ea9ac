import { z } from "zod"

const time = z.string()
const count = z.int().min(0)
const system = z.enum(["truenas", "synology"])
const problem = z.strictObject({
  /** The NAS system that did not tell; null: this machine. */
  source: system.nullable(),
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
})

/** What a disk says of itself; null: it does not say. */
const smartFiguresJson = z.strictObject({
  /** Of the figures: older than the answer where the disk sleeps, or was asked a moment ago. */
  readAt: time,
  /** False: it expects to fail. */
  passed: z.boolean().nullable(),
  temperatureC: z.number().nullable(),
  /** Its own limit. */
  limitC: z.number().nullable(),
  powerOnHours: count.nullable(),
  reallocated: count.nullable(),
  pending: count.nullable(),
  uncorrectable: count.nullable(),
  mediaErrors: count.nullable(),
  wearPercent: count.nullable(),
})

/** `good`: nothing is wrong by the system's own account; null: it does not say. */
const verdict = z.enum(["good", "warn", "fail"]).nullable()

/** One disk, whoever sees it. */
export const diskJson = z.strictObject({
  /** The kernel's name: sda. */
  name: z.string(),
  /** Who sees it: the machine itself, the NAS system by its own interface. */
  sources: z.array(z.enum(["machine", ...system.options])),
  model: z.string().nullable(),
  /** Whole: it is printed on the disk, by which it is found in the machine. The table shows its end. */
  serial: z.string().nullable(),
  sizeBytes: count.nullable(),
  kind: z.enum(["hdd", "ssd", "nvme", "virtual", "unknown"]),
  removable: z.boolean(),
  /** Stores that lie on it. */
  stores: z.array(z.string()),
  smart: z.strictObject({
    /** `asleep`: it was not woken. `unknown`: it was not asked or did not tell, and `why`. */
    state: z.enum(["told", "asleep", "unknown"]),
    why: z.string().nullable(),
    /** What it told last, since the daemon's start. */
    figures: smartFiguresJson.nullable(),
  }),
  /** What the NAS system says of it; null: it does not see it, or there is none. */
  system: z
    .strictObject({
      kind: system,
      /** In its own word. */
      state: z.string().nullable(),
      verdict,
      /** Pools that the disk is part of; null: not told. */
      pools: z.array(z.string()).nullable(),
      figures: smartFiguresJson,
    })
    .nullable(),
})
export type DiskJson = z.infer<typeof diskJson>

/** What stores lie on, by the NAS system: a pool of ZFS, a volume of DSM's. */
export const poolJson = z.strictObject({
  source: system,
  readAt: time,
  name: z.string(),
  path: z.string(),
  /** In the system's own word. */
  state: z.string(),
  verdict,
  detail: z.string().nullable(),
  totalBytes: count.nullable(),
  freeBytes: count.nullable(),
  /** Stores that lie on it. */
  stores: z.array(z.string()),
})
export type PoolJson = z.infer<typeof poolJson>

export const hardwareFindingJson = z.strictObject({
  code: z.string(),
  severity: z.enum(["warn", "fail"]),
  disk: z.string().nullable(),
  pool: z.string().nullable(),
  /** Stores that it concerns. */
  stores: z.array(z.string()),
  message: z.string(),
  hint: z.string(),
})
export type HardwareFindingJson = z.infer<typeof hardwareFindingJson>

/** GET /api/v1/hardware. Sleeping disks are not woken. */
export const hardwareJson = z.strictObject({
  readAt: time,
  machine: z.strictObject({
    uptimeSeconds: count,
    processors: count,
    /** Of the last 1, 5 and 15 minutes. */
    load: z.tuple([z.number(), z.number(), z.number()]),
    memory: z.strictObject({
      totalBytes: count,
      availableBytes: count,
      swapTotalBytes: count,
      swapFreeBytes: count,
    }),
  }),
  /** The NAS as its own interface shows it; null: there is none, or it does not tell. */
  system: z
    .strictObject({
      kind: system,
      readAt: time,
      version: z.string(),
      model: z.string().nullable(),
      hostName: z.string().nullable(),
      memoryBytes: count.nullable(),
      uptimeSeconds: count.nullable(),
      temperatureC: z.number().nullable(),
    })
    .nullable(),
  /** Null: nobody tells of any. */
  pools: z.array(poolJson).nullable(),
  /** Null: neither the machine nor the NAS system shows them. */
  disks: z.array(diskJson).nullable(),
  findings: z.array(hardwareFindingJson),
  /** Why something is not known. */
  problems: z.array(problem),
})
export type HardwareJson = z.infer<typeof hardwareJson>

export const hardwarePath = "/api/v1/hardware"
