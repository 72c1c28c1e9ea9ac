export { type Anomaly, type Evidence, type Severity, snapshotKey } from "./anomaly.js"
export {
  anomaliesAt,
  type ListedSource,
  type PlaceInput,
  type SourceAnomalies,
  sourcesOf,
} from "./at-place.js"
export { anomaliesBetween, type BetweenInput } from "./between.js"
export { ANOMALY_CODES, type AnomalyCode } from "./codes.js"
export { historyOf } from "./history.js"
export { type AnomalyLimits, limitsOf, usualLimits } from "./limits.js"
export { noMemory, remembered, type SourceMemory, type Step, stepsOf, stepsToCompare } from "./memory.js"
export { isMuted, type Mutable, type Mute } from "./mutes.js"
export { anomaliesOfSource, type SourceInput } from "./of-source.js"
export type { WriterName } from "./writers.js"
