import { z } from "zod"

const time = z.string()
const count = z.int().min(0)
const problem = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() })

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

export const diskJson = z.strictObject({
  /** The kernel's name: sda. */
  name: z.string(),
  model: z.string().nullable(),
  /** Whole: it is printed on the disk, by which it is found in the machine. The table shows its end. */
  serial: z.string().nullable(),
  sizeBytes: count,
  kind: z.enum(["hdd", "ssd", "nvme", "virtual"]),
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
})
export type DiskJson = z.infer<typeof diskJson>

export const hardwareFindingJson = z.strictObject({
  code: z.string(),
  severity: z.enum(["warn", "fail"]),
  disk: z.string().nullable(),
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
  /** Null: the machine does not show them. */
  disks: z.array(diskJson).nullable(),
  findings: z.array(hardwareFindingJson),
  /** Why something is not known. */
  problems: z.array(problem),
})
export type HardwareJson = z.infer<typeof hardwareJson>

export const hardwarePath = "/api/v1/hardware"
