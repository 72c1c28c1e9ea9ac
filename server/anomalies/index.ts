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
export { historyOf, isAhead } from "./history.js"
export { type AnomalyLimits, limitsOf, usualLimits } from "./limits.js"
export {
  noMemory,
  remembered,
  retried,
  type SourceMemory,
  type Step,
  stepsOf,
  stepsToCompare,
  stepsToRetry,
} from "./memory.js"
export { anomaliesOfSource, type SourceInput } from "./of-source.js"
export type { WriterName } from "./writers.js"
