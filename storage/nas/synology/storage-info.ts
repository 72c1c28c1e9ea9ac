import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"
import { amount } from "./fields.js"

/** A volume. Sizes are in bytes. */
export interface DsmVolume {
  /** Such as /volume1. */
  readonly path: string
  /** Such as btrfs or ext4; undefined: DSM did not say. */
  readonly filesystem: string | undefined
  /** DSM's word; "normal" is the good one. */
  readonly status: string
  readonly totalBytes: number
  readonly freeBytes: number
}

export interface DsmDisk {
  readonly id: string
  readonly model: string
  /** DSM's words; "normal" is the good one. */
  readonly status: string
  readonly smartStatus: string | undefined
  readonly celsius: number | undefined
  /** What is left of a disk that wears, in percent. */
  readonly lifeLeftPercent: number | undefined
  /** Sectors that could not be corrected. */
  readonly uncorrected: number | undefined
}

const volumes: DsmCall<readonly DsmVolume[]> = {
  api: "SYNO.Core.Storage.Volume",
  version: 1,
  method: "list",
  reply: z
    .looseObject({
      volumes: z.array(
        z.looseObject({
          volume_path: z.string().startsWith("/"),
          fs_type: z.string().optional(),
          status: z.string(),
          size_total_byte: amount,
          size_free_byte: amount,
        }),
      ),
    })
    .transform((data) =>
      data.volumes.map((one) => ({
        path: one.volume_path,
        filesystem: one.fs_type,
        status: one.status,
        totalBytes: one.size_total_byte,
        freeBytes: one.size_free_byte,
      })),
    ),
}

// -1 where the disk has no such figure; newer versions wrap it.
const life = z
  .union([z.number(), z.looseObject({ value: z.number() }).transform(({ value }) => value)])
  .transform((percent) => (percent < 0 ? undefined : percent))

const info: DsmCall<{ readonly volumes: readonly DsmVolume[]; readonly disks: readonly DsmDisk[] }> = {
  api: "SYNO.Storage.CGI.Storage",
  version: 1,
  method: "load_info",
  reply: z
    .looseObject({
      volumes: z.array(
        z
          .looseObject({
            vol_path: z.string().startsWith("/"),
            fs_type: z.string().optional(),
            status: z.string(),
            size: z.looseObject({ total: amount, used: amount }),
          })
          .transform(({ vol_path, fs_type, status, size }) => ({
            path: vol_path,
            filesystem: fs_type,
            status,
            totalBytes: size.total,
            freeBytes: Math.max(0, size.total - size.used),
          })),
      ),
      disks: z.array(
        z
          .looseObject({
            id: z.string(),
            model: z.string().default(""),
            status: z.string(),
            smart_status: z.string().optional(),
            temp: z.number().optional(),
            remain_life: life.optional(),
            unc: amount.optional(),
          })
          .transform((disk) => ({
            id: disk.id,
            model: disk.model.trim(),
            status: disk.status,
            smartStatus: disk.smart_status,
            celsius: disk.temp,
            lifeLeftPercent: disk.remain_life,
            uncorrected: disk.unc,
          })),
      ),
    })
    .transform(({ volumes, disks }) => ({ volumes, disks })),
}

/** All volumes (reference nas-platforms.md §3.4). Throws as DsmClient.call does. */
export async function listVolumes(dsm: DsmClient): Promise<readonly DsmVolume[]> {
  try {
    return await dsm.call(volumes, { offset: 0, limit: -1, location: "all" })
  } catch (error) {
    // Some units have this API and take nothing for it (101).
    if (!(error instanceof StorageError) || error.code !== "unsupported") throw error
    return (await dsm.call(info)).volumes
  }
}

/** All disks. Throws as DsmClient.call does. */
export async function listDisks(dsm: DsmClient): Promise<readonly DsmDisk[]> {
  return (await dsm.call(info)).disks
}
