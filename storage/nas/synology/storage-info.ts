import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"
import { amount, flag } from "./fields.js"

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
  /** The id of the storage pool that it lies on; undefined: DSM did not say. */
  readonly pool: string | undefined
}

/** What volumes lie on: a RAID of disks. */
export interface DsmPool {
  readonly id: string
  /** DSM's word; "normal" is the good one. */
  readonly status: string
}

export interface DsmDisk {
  readonly id: string
  /** The kernel's name, such as sata1 or sda. */
  readonly device: string
  readonly model: string
  readonly serial: string | undefined
  readonly sizeBytes: number | undefined
  readonly isSsd: boolean | undefined
  /** The id of the storage pool that it is part of. */
  readonly pool: string | undefined
  /** DSM's words; "normal" is the good one. */
  readonly status: string
  readonly smartStatus: string | undefined
  readonly celsius: number | undefined
  /** What is left of a disk that wears, in percent. */
  readonly lifeLeftPercent: number | undefined
  /** Sectors that could not be corrected. */
  readonly uncorrected: number | undefined
}

/** Pools and disks are undefined on a DSM that tells of volumes only. */
export interface DsmStorage {
  readonly volumes: readonly DsmVolume[]
  readonly pools: readonly DsmPool[] | undefined
  readonly disks: readonly DsmDisk[] | undefined
}

const list: DsmCall<DsmStorage> = {
  api: "SYNO.Core.Storage.Volume",
  version: 1,
  method: "list",
  aside: true,
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
    .transform((data) => ({
      volumes: data.volumes.map((one) => ({
        path: one.volume_path,
        filesystem: one.fs_type,
        status: one.status,
        totalBytes: one.size_total_byte,
        freeBytes: one.size_free_byte,
        pool: undefined,
      })),
      pools: undefined,
      disks: undefined,
    })),
}

// -1 where the disk has no such figure; newer versions wrap it.
const life = z
  .union([z.number(), z.looseObject({ value: z.number() }).transform(({ value }) => value)])
  .transform((percent) => (percent < 0 ? undefined : percent))

/** "" is what DSM writes where there is nothing. */
const word = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text.trim() === "" ? undefined : text.trim()))

const volume = z
  .looseObject({
    vol_path: z.string().startsWith("/"),
    fs_type: z.string().optional(),
    status: z.string(),
    size: z.looseObject({ total: amount, used: amount }),
    pool_path: word,
  })
  .transform(({ vol_path, fs_type, status, size, pool_path }) => ({
    path: vol_path,
    filesystem: fs_type,
    status,
    totalBytes: size.total,
    freeBytes: Math.max(0, size.total - size.used),
    pool: pool_path,
  }))

const disk = z
  .looseObject({
    id: z.string(),
    device: word,
    model: z.string().default(""),
    serial: word,
    size_total: amount.optional(),
    isSsd: flag.optional(),
    used_by: word,
    status: z.string(),
    smart_status: word,
    temp: z.number().optional(),
    remain_life: life.optional(),
    unc: amount.optional(),
  })
  .transform((raw) => ({
    id: raw.id,
    device: raw.device?.replace(/^\/dev\//, "") ?? raw.id,
    model: raw.model.trim(),
    serial: raw.serial,
    sizeBytes: raw.size_total,
    isSsd: raw.isSsd,
    pool: raw.used_by,
    status: raw.status,
    smartStatus: raw.smart_status,
    // Asleep, or without a sensor.
    celsius: raw.temp !== undefined && raw.temp > 0 ? raw.temp : undefined,
    lifeLeftPercent: raw.remain_life,
    uncorrected: raw.unc,
  }))

const info: DsmCall<DsmStorage> = {
  api: "SYNO.Storage.CGI.Storage",
  version: 1,
  method: "load_info",
  aside: true,
  reply: z
    .looseObject({
      volumes: z.array(volume),
      storagePools: z
        .array(z.looseObject({ id: z.string(), status: z.string() }))
        .transform((pools) => pools.map(({ id, status }) => ({ id, status })))
        .optional(),
      disks: z.array(disk),
    })
    .transform(({ volumes, storagePools, disks }) => ({ volumes, pools: storagePools, disks })),
}

/** All volumes, storage pools and disks (reference nas-platforms.md §3.4), when nothing else is to do. Throws as DsmClient.call does. */
export async function storageInfo(dsm: DsmClient): Promise<DsmStorage> {
  try {
    return await dsm.call(info)
  } catch (error) {
    // Where there is no such API, the one of the volumes may be there.
    if (!(error instanceof StorageError) || error.code !== "unsupported") throw error
    return dsm.call(list, { offset: 0, limit: -1, location: "all" })
  }
}
