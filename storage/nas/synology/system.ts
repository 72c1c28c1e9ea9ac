import { z } from "zod"
import type { DsmCall } from "./call.js"
import type { DsmClient } from "./client.js"

/** The NAS itself. Undefined: DSM did not say. */
export interface DsmSystem {
  readonly model: string
  /** Such as "DSM 7.2.1-69057 Update 5". */
  readonly version: string
  readonly memoryMib: number | undefined
  readonly celsius: number | undefined
}

const info: DsmCall<DsmSystem> = {
  api: "SYNO.Core.System",
  version: 1,
  method: "info",
  aside: true,
  reply: z
    .looseObject({
      model: z.string(),
      firmware_ver: z.string(),
      ram_size: z.number().optional(),
      sys_temp: z.number().optional(),
    })
    .transform(({ model, firmware_ver, ram_size, sys_temp }) => ({
      model,
      version: firmware_ver,
      memoryMib: ram_size,
      celsius: sys_temp,
    })),
}

/** Throws as DsmClient.call does. */
export function systemInfo(dsm: DsmClient): Promise<DsmSystem> {
  return dsm.call(info)
}
