import { z } from "zod"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"

/** Somebody who is connected to the NAS, in DSM's words. */
export interface DsmConnection {
  /** Such as NFS. */
  readonly protocol: string
  /** Its address. */
  readonly from: string
  /** The shared folder that it uses; undefined: DSM does not say. */
  readonly share: string | undefined
  readonly who: string
}

const list: DsmCall<readonly DsmConnection[]> = {
  api: "SYNO.Core.CurrentConnection",
  version: 1,
  method: "list",
  aside: true,
  reply: z
    .looseObject({
      items: z.array(
        z.looseObject({
          protocol: z.string().optional(),
          type: z.string().optional(),
          from: z.string(),
          descr: z.string().optional(),
          who: z.string().default(""),
        }),
      ),
    })
    .transform(({ items }) =>
      items.map(({ protocol, type, from, descr, who }) => ({
        protocol: protocol ?? type ?? "",
        from,
        share: descr === "-" || descr === "" ? undefined : descr,
        who,
      })),
    ),
}

/** Everybody who is connected now (reference nas-platforms.md §3.3). Throws as DsmClient.call does. */
export function listConnections(dsm: DsmClient): Promise<readonly DsmConnection[]> {
  return dsm.call(list)
}
