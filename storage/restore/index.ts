export { type RestoredFile, type RestoreLimits, type RestoreOptions } from "./options.js"
export type { Failure, Loss, LossKind, Progress, RestoreResult } from "./outcome.js"
export { restore } from "./restore.js"
export { type Spot, pathOf } from "./spot.js"
