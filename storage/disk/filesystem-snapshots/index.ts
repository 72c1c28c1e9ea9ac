export { canSnapshot, type SnapshotAnswer, snapshotPlace, type SnapshotQuestion } from "./can-snapshot.js"
export type { TreeSize } from "./compare-trees.js"
export { filesystemSnapshots } from "./filesystem-snapshots.js"
export { pathIn } from "./path-in.js"
export {
  type SnapshotPolicy,
  snapshotsToRemove,
  type SnapshotVerdict,
  type SnapshotVerdicts,
} from "./retention.js"
export { type RollBackPlan, rollBackPlan } from "./roll-back-plan.js"
export { rollBack, type RollBackOptions, type RollBackStep, type RolledBack } from "./roll-back.js"
export type { FilesystemSnapshot, FilesystemSnapshots, NewSnapshot, SnapshotPlace } from "./snapshot.js"
export {
  freeSnapshotName,
  parseSnapshotName,
  requireOurs,
  requireWords,
  snapshotName,
} from "./snapshot-name.js"
export { settleRollBack, type UnfinishedRollBack, unfinishedRollBacks } from "./unfinished-roll-backs.js"
