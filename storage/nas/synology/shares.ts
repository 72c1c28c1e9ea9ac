import { z } from "zod"
import { StorageError } from "../../errors.js"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"
import { amount, flag } from "./fields.js"
import { shareRefusals } from "./refusal.js"

/** A shared folder. Undefined: DSM did not say. */
export interface Share {
  readonly name: string
  /** Such as /volume1. */
  readonly volume: string
  /** The same as long as the folder lives, whatever its name. */
  readonly uuid: string | undefined
  readonly encrypted: boolean | undefined
  /** What clients delete is kept in it: deleting frees nothing. */
  readonly recycleBin: boolean | undefined
  /** Data checksums. Cannot be changed later. */
  readonly checksums: boolean | undefined
  /** Whether it can have filesystem snapshots: only on btrfs. */
  readonly snapshots: boolean | undefined
  /** Its limit in MiB; 0: none. */
  readonly quotaMib: number | undefined
  readonly usedMib: number | undefined
}

/** Where it is, and what clients mount. */
export function pathOf({ volume, name }: Pick<Share, "volume" | "name">): string {
  return `${volume}/${name}`
}

const share = z
  .looseObject({
    name: z.string().min(1),
    vol_path: z.string().startsWith("/"),
    uuid: z.string().min(1).optional(),
    encryption: amount.optional(),
    enable_recycle_bin: flag.optional(),
    enable_share_cow: flag.optional(),
    support_snapshot: flag.optional(),
    quota_value: amount.optional(),
    share_quota_used: amount.optional(),
  })
  .transform((raw): Share => ({
    name: raw.name,
    volume: raw.vol_path,
    uuid: raw.uuid,
    encrypted: raw.encryption === undefined ? undefined : raw.encryption > 0,
    recycleBin: raw.enable_recycle_bin,
    checksums: raw.enable_share_cow,
    snapshots: raw.support_snapshot,
    quotaMib: raw.quota_value,
    usedMib: raw.share_quota_used,
  }))

const additional = ["encryption", "enable_share_cow", "recyclebin", "support_snapshot", "share_quota"]
const api = { api: "SYNO.Core.Share", version: 1, refusals: shareRefusals }
const list: DsmCall<readonly Share[]> = {
  ...api,
  method: "list",
  reply: z.looseObject({ shares: z.array(share) }).transform(({ shares }) => shares),
}
const get: DsmCall<Share> = { ...api, method: "get", reply: share }
const set: DsmCall<unknown> = { ...api, method: "set", reply: z.unknown() }

/** All of them (reference nas-platforms.md §3.4). Throws as DsmClient.call does. */
export function listShares(dsm: DsmClient): Promise<readonly Share[]> {
  return dsm.call(list, { additional })
}

/** Also throws StorageError `missing`. */
export function shareNamed(dsm: DsmClient, name: string): Promise<Share> {
  return dsm.call(get, { name, additional })
}

/**
 * Limits a shared folder to `mib`, 0 for no limit, and reads back whether it is so: on some models the first try is lost. Throws
 * StorageError `unsupported` where it is not, as on ext4, and as shareNamed does.
 */
export async function setShareQuota(dsm: DsmClient, name: string, mib: number): Promise<void> {
  if (!Number.isSafeInteger(mib) || mib < 0) {
    throw new StorageError("invalid", `${mib} is no limit for a shared folder`, {
      hint: "Give whole MiB, 0 for no limit.",
    })
  }
  const { volume } = await shareNamed(dsm, name)
  let now: number | undefined
  for (let tries = 0; tries < 2; tries++) {
    await dsm.call(set, { name, shareinfo: { name, vol_path: volume, share_quota: mib } })
    now = (await shareNamed(dsm, name)).quotaMib
    if (now === mib) return
  }
  throw new StorageError("unsupported", `DSM did not take ${mib} MiB as the limit of ${name}`, {
    facts: { share: name, wantedMib: mib, ...(now !== undefined && { quotaMib: now }) },
    hint: "Limits need a btrfs volume. Look in Control Panel > Shared Folder > Edit > Advanced.",
  })
}
