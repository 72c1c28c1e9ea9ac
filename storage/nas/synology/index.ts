export { type DsmAddress, parseDsmAddress } from "./address.js"
export { DsmClient, type DsmClientOptions } from "./client.js"
export { type DsmConnection, listConnections } from "./connections.js"
export { type LoginMemory, type LoginRecord, VolatileLoginMemory } from "./login-gate.js"
export { type HeldRule, loadNfsRules, newRule, type NfsRule, saveNfsRules } from "./nfs-rules.js"
export { type NfsService, nfsService } from "./nfs-service.js"
export { Queue } from "./queue.js"
export { SynologyQuotas } from "./quotas.js"
export type { DsmAccount } from "./session.js"
export {
  createShareSnapshot,
  deleteShareSnapshot,
  listShareSnapshots,
  lockShareSnapshot,
  type ShareSnapshot,
  timeOfSnapshot,
} from "./share-snapshots.js"
export { listShares, pathOf, setShareQuota, type Share, shareNamed } from "./shares.js"
export { type DsmDisk, type DsmPool, type DsmStorage, type DsmVolume, storageInfo } from "./storage-info.js"
export { type DsmSystem, systemInfo } from "./system.js"
