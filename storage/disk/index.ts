export {
  createFile,
  type FileOptions,
  removeFile,
  replaceFile,
  replaceKeeping,
  sweepTemporaries,
} from "./durable.js"
export { type Durability, durabilityOf } from "./durability.js"
export { type Emptiness, emptinessOf, foreignNames, isForeignName } from "./emptiness.js"
export {
  checkFence,
  type CheckOptions,
  type FenceCode,
  type FenceRecord,
  type FenceState,
  type StoreFenceOptions,
  takeFence,
  takeStoreFence,
} from "./fence.js"
export {
  canSnapshot,
  type FilesystemSnapshot,
  type FilesystemSnapshots,
  filesystemSnapshots,
  type NewSnapshot,
  parseSnapshotName,
  pathIn,
  requireOurs,
  requireWords,
  rollBack,
  type RollBackOptions,
  type RollBackPlan,
  rollBackPlan,
  type RollBackStep,
  type RolledBack,
  settleRollBack,
  type SnapshotAnswer,
  freeSnapshotName,
  snapshotName,
  type SnapshotPlace,
  snapshotPlace,
  type SnapshotPolicy,
  type SnapshotQuestion,
  snapshotsToRemove,
  type SnapshotVerdict,
  type SnapshotVerdicts,
  type TreeSize,
  type UnfinishedRollBack,
  unfinishedRollBacks,
} from "./filesystem-snapshots/index.js"
export { type FilesystemIdentity, locate, type Location } from "./filesystem.js"
export { kernelLink, kernelNames, kernelNumber, kernelText } from "./kernel-files.js"
export { type Mount, mountOf, readMounts } from "./mountinfo.js"
export { HeldDirectory } from "./open-directory.js"
export { type Owner, type OwnershipSample, sampleOwnership } from "./ownership.js"
export { type Space, spaceAt } from "./space.js"
export {
  makeStorePlace,
  missingForStore,
  mountPointsIn,
  removeMade,
  type StorePlaceRequest,
} from "./store-place.js"
export { readSentinel, STORE_FOLDER } from "./sentinel.js"
export { keepStoreFile, readStoreFile, setStoreFileAside } from "./store-file.js"
export { askServerAnew, hasFileEvents, isNetwork, staleReadsAt } from "./network-mount.js"
export {
  type AccountingPlan,
  enableAccounting,
  isLimitedTo,
  LARGEST_BYTES,
  type Limit,
  type LookOptions,
  type Measured,
  measureTree,
  nearLimit,
  type NearLimit,
  type Nearness,
  ownLimit,
  planAccounting,
  type PlaceInStore,
  planQuota,
  type ProjectIds,
  type Quota,
  type QuotaKind,
  type QuotaLimit,
  quotaOf,
  type QuotaPlace,
  type QuotaPlan,
  recount,
  refuseBelowUse,
  setQuota,
  type SetQuotaOptions,
  SMALLEST_BYTES,
  type SystemQuotas,
  type SystemTree,
  systemTree,
  type Thresholds,
  type TreeUse,
  type WantedLimit,
} from "./quotas/index.js"
export * from "./directories/index.js"
export { type BlockStack, blockStack } from "./block-devices.js"
export {
  type Advice,
  adviceFor,
  attributesMatter,
  type DirectoryAttributes,
  type FilesystemFacts,
  filesystemFacts,
  parseAttributes,
  withAttributes,
} from "./facts/index.js"
export { type HostFolders, hostFolders } from "./filesystem-uuid.js"
