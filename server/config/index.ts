export { parseAge } from "./age.js"
export { drillSettings, type DrillSettings } from "./drill-settings.js"
export { adminSocketPath } from "./admin-socket.js"
export { type Config, readConfig } from "./config.js"
export { ConfigError } from "./config-error.js"
export { byteSizeForm, parseByteSize, writtenByteSize } from "./byte-size.js"
export type { Change, ChangeKind, EntryKind, FieldChange } from "./diff.js"
export {
  type AnomalySettings,
  type ClusterEntry,
  type ConventionEntry,
  type Decides,
  type DeclaredDocument,
  type DeclaredRepository,
  type Document,
  emptyDocument,
  type ExportEntry,
  type DrillsEntry,
  exportName,
  type NfsServerEntry,
  type Place,
  type RepositoryAnomalies,
  type RepositoryEntry,
  type RepositoryOwner,
  type RepositoryQuota,
  type ScheduleEntry,
  type ScrubEntry,
  type S3Place,
  type SecretReference,
  type StoreEntry,
  type StorePlace,
  type TokenEntry,
  type VolumeEntry,
  type FilesystemSnapshotsEntry,
  type SnapshotKeep,
  type SnapshotSchedule,
  weekdays,
} from "./document.js"
export {
  DocumentError,
  type DocumentPath,
  type DocumentProblem,
  type Position,
  renderProblem,
} from "./document-error.js"
export {
  type BucketDropIn,
  type DropIn,
  type KopiaFilesystemDropIn,
  readDropIn,
  repositoryPathFault,
} from "./drop-in.js"
export { EXPOSURE_HINT, exposureSentence, exposuresOf } from "./exposure.js"
export { type Environment, type EnvironmentConfig, readEnvironment } from "./environment.js"
export type { ListenAddress } from "./listen-address.js"
export type { Acknowledgement } from "./loosening.js"
export { type ParsedDocument, parseDocument, parsePlainDocument } from "./parse-document.js"
export {
  type ApplyPlan,
  basisOf,
  changesAnything,
  missingAcknowledgements,
  planApply,
  type PlanOptions,
  type SealedSecrets,
} from "./plan-apply.js"
export { plainDocument, renderDocument } from "./render-document.js"
export { documentJsonSchema, usualConvention } from "./schema.js"
export type { KnownJob } from "./validate-schedules.js"
export { usualKeep } from "./schema-filesystem-snapshots.js"
export { wideExport, wideExports, type WideExport } from "./wide-exports.js"
export { sealedNames, type SecretValues } from "./sealing.js"
