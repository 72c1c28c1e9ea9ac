import type { DsmClient } from "./synology/index.js"
import type { TrueNasApi } from "./truenas/index.js"

/** A NAS system's own interface, ready to be asked. */
export type NasSystem =
  | { readonly kind: "truenas"; readonly api: TrueNasApi }
  | { readonly kind: "synology"; readonly dsm: DsmClient }

export { DsmClient, type LoginMemory, type LoginRecord, parseDsmAddress } from "./synology/index.js"
export { quotasOfSystem } from "./quotas.js"
export { TrueNasClient } from "./truenas/index.js"
