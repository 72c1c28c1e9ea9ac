import type { SystemQuotas } from "../disk/index.js"
import type { NasSystem } from "./index.js"
import { SynologyQuotas } from "./synology/index.js"
import { TrueNasQuotas } from "./truenas/index.js"

/** What keeps directories' limits on a NAS system. Nothing is asked yet. */
export function quotasOfSystem(system: NasSystem): SystemQuotas {
  return system.kind === "truenas" ? new TrueNasQuotas(system.api) : new SynologyQuotas(system.dsm)
}
