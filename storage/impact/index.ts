export { impactOf } from "./impact-of.js"
export type {
  DamagedPath,
  DamageReason,
  Impact,
  ImpactOptions,
  SnapshotImpact,
  SourceImpact,
} from "./types.js"
