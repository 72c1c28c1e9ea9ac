import { z } from "zod"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"
import { amount, flag } from "./fields.js"

/** DSM's NFS service as a whole. */
export interface NfsService {
  readonly enabled: boolean
  /** Whether NFSv4 is switched on too. */
  readonly version4: boolean
  /** The highest version that this NAS can serve, such as "4.1"; undefined: it does not say. */
  readonly highest: string | undefined
}

const get: DsmCall<NfsService> = {
  api: "SYNO.Core.FileServ.NFS",
  version: 2,
  method: "get",
  reply: z
    .looseObject({
      enable_nfs: flag,
      enable_nfs_v4: flag.default(false),
      support_major_ver: amount.optional(),
      support_minor_ver: amount.optional(),
    })
    .transform(({ enable_nfs, enable_nfs_v4, support_major_ver: major, support_minor_ver: minor }) => ({
      enabled: enable_nfs,
      version4: enable_nfs_v4,
      highest: major === undefined ? undefined : `${major}${minor === undefined ? "" : `.${minor}`}`,
    })),
}

/** Reference nas-platforms.md §3.3. Throws as DsmClient.call does. */
export function nfsService(dsm: DsmClient): Promise<NfsService> {
  return dsm.call(get)
}
