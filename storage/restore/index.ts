export { type RestoredFile, type RestoreLimits, type RestoreOptions } from "./options.js"
export type { Failure, Loss, LossKind, Progress, RestoreResult } from "./outcome.js"
export { restore } from "./restore.js"
export { rootToRestore, type RootToRestore } from "./root.js"
export { type Spot, pathOf } from "./spot.js"
export type { Check, CheckName } from "./drill/checks.js"
export {
  drill,
  type DrillOptions,
  type DrillPhase,
  type DrillResult,
  type SqliteVerdict,
} from "./drill/drill.js"
export { type SweptFolders, sweepDrills } from "./drill/folder.js"
export { type RealEngine, restoreWithEngine } from "./drill/with-engine.js"
