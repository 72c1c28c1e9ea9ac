export { type AccountingPlan, enableAccounting, planAccounting, recount } from "./accounting.js"
export { ownBytesOf } from "./btrfs-qgroup.js"
export { nearLimit, type NearLimit, type Nearness, ownLimit, type Thresholds } from "./near-limit.js"
export { measureTree, type TreeUse } from "./measure-tree.js"
export {
  isLimitedTo,
  LARGEST_BYTES,
  type Limit,
  type Measured,
  type Quota,
  type QuotaKind,
  type QuotaLimit,
  SMALLEST_BYTES,
  type WantedLimit,
} from "./quota.js"
export type { ProjectIds } from "./quota-filesystem.js"
export {
  planQuota,
  quotaOf,
  refuseBelowUse,
  type QuotaPlan,
  setQuota,
  type SetQuotaOptions,
} from "./set-quota.js"
export { type SystemQuotas, type SystemTree, systemTree } from "./system-quotas.js"
export { type LookOptions, type PlaceInStore, type QuotaPlace } from "./target.js"
export { zfsDatasets } from "./zfs-dataset.js"
