import { z } from "zod"
import type { TrueNasApi } from "./client.js"

const pool = z.object({
  name: z.string(),
  guid: z.string(),
  path: z.string(),
  status: z.string(),
  healthy: z.boolean(),
  warning: z.boolean(),
  status_detail: z.string().nullable(),
  size: z.number().nullable(),
  allocated: z.number().nullable(),
  free: z.number().nullable(),
  scan: z
    .object({
      function: z.string().nullable(),
      state: z.string().nullable(),
      percentage: z.number().nullable(),
    })
    .nullable(),
})

/** A ZFS pool. Its figures are null while it cannot be read. */
export type Pool = z.output<typeof pool>

export async function listPools(api: TrueNasApi): Promise<Pool[]> {
  return api.call("pool.query", [[], {}], z.array(pool))
}

const disk = z.object({
  name: z.string(),
  serial: z.string(),
  model: z.string().nullable(),
  size: z.number().nullable(),
  type: z.string().nullable(),
  pool: z.string().nullable(),
})

export type Disk = z.output<typeof disk>

/** Without `pools`, TrueNAS does not look up which pool a disk belongs to. */
export async function listDisks(api: TrueNasApi): Promise<Disk[]> {
  return api.call("disk.query", [[], { extra: { pools: true } }], z.array(disk))
}

/** Degrees Celsius by the disk's name; undefined where it does not tell. At most five minutes old. */
export async function diskTemperatures(api: TrueNasApi): Promise<ReadonlyMap<string, number | undefined>> {
  const found = await api.call("disk.temperatures", [[]], z.record(z.string(), z.number().nullable()))
  return new Map(Object.entries(found).map(([name, degrees]) => [name, degrees ?? undefined]))
}

const alert = z.object({
  uuid: z.string(),
  klass: z.string(),
  level: z.string(),
  /** Of another shape for each class. */
  args: z.unknown(),
  formatted: z.string().nullable(),
  datetime: z.date(),
  dismissed: z.boolean(),
})

export type Alert = z.output<typeof alert>

export async function listAlerts(api: TrueNasApi): Promise<Alert[]> {
  return api.call("alert.list", [], z.array(alert))
}

const system = z.object({
  version: z.string(),
  hostname: z.string(),
  uptime_seconds: z.number(),
  physmem: z.number(),
  ecc_memory: z.boolean(),
})

/** For people to read: no decision hangs on the name or the version of the product. */
export type SystemInfo = z.output<typeof system>

export async function systemInfo(api: TrueNasApi): Promise<SystemInfo> {
  return api.call("system.info", [], system)
}
