export { impactOf } from "./impact-of.js"
export { keyOfSource } from "./sources.js"
export type {
  DamagedPath,
  DamageReason,
  Impact,
  ImpactOptions,
  SnapshotImpact,
  SourceImpact,
} from "./types.js"
