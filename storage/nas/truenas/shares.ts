import { z } from "zod"
import type { TrueNasApi } from "./client.js"

/** A user or group that is not set is told as null, or as "" by old entries. */
const name = z
  .string()
  .nullable()
  .transform((text) => (text === "" ? null : text))

const share = z.object({
  id: z.number().int(),
  path: z.string(),
  comment: z.string(),
  networks: z.array(z.string()),
  hosts: z.array(z.string()),
  ro: z.boolean(),
  maproot_user: name,
  maproot_group: name,
  mapall_user: name,
  mapall_group: name,
  security: z.array(z.string()),
  enabled: z.boolean(),
  /** Null: not told. */
  locked: z.boolean().nullable(),
})

/** An NFS share as TrueNAS keeps it (reference nas-platforms.md §2.7). No client at all means everybody. */
export type NfsShare = z.output<typeof share>

/** What a share is made of; the same in every version that is supported. */
export type NfsShareFields = Omit<NfsShare, "id" | "locked">

export async function listNfsShares(api: TrueNasApi): Promise<NfsShare[]> {
  return api.call("sharing.nfs.query", [[], {}], z.array(share))
}

/** Undefined where there is none of that id. */
export async function nfsShare(api: TrueNasApi, id: number): Promise<NfsShare | undefined> {
  const [found] = await api.call("sharing.nfs.query", [[["id", "=", id]], {}], z.array(share))
  return found
}

export async function createNfsShare(api: TrueNasApi, fields: NfsShareFields): Promise<NfsShare> {
  return api.call("sharing.nfs.create", [fields], share)
}

export async function updateNfsShare(
  api: TrueNasApi,
  id: number,
  changes: Partial<NfsShareFields>,
): Promise<NfsShare> {
  return api.call("sharing.nfs.update", [id, changes], share)
}

export async function deleteNfsShare(api: TrueNasApi, id: number): Promise<void> {
  await api.call("sharing.nfs.delete", [id], z.literal(true))
}
