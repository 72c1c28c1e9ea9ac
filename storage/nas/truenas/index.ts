export { type Account, type Accounts, findAccounts } from "./accounts.js"
export {
  type CallOptions,
  type ClientTimes,
  type TrueNasApi,
  TrueNasClient,
  type TrueNasOptions,
  withPatience,
} from "./client.js"
export { type Dataset, datasetNamed, setRefquota, smallestQuota } from "./datasets.js"
export {
  createFilesystemSnapshot,
  deleteFilesystemSnapshot,
  type FilesystemSnapshot,
  holdFilesystemSnapshot,
  listFilesystemSnapshots,
  releaseFilesystemSnapshot,
} from "./filesystem-snapshots.js"
export { filesystemAt, type FoundFilesystem } from "./filesystems.js"
export {
  type Alert,
  type Disk,
  diskTemperatures,
  listAlerts,
  listDisks,
  listPools,
  type Pool,
  type SystemInfo,
  systemInfo,
} from "./health.js"
export {
  type Nfs3Client,
  nfs3Clients,
  type Nfs4Client,
  nfs4Clients,
  type Nfs4State,
  type NfsConfig,
  nfsConfig,
  type NfsService,
  nfsService,
} from "./nfs-service.js"
export {
  createNfsShare,
  deleteNfsShare,
  listNfsShares,
  type NfsShare,
  nfsShare,
  type NfsShareFields,
  updateNfsShare,
} from "./shares.js"
export { TrueNasQuotas } from "./quotas.js"
export { type ApiVersion, mostNetworks } from "./versions.js"
