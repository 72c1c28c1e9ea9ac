export { type Acknowledgement, Acknowledgements } from "./acknowledgements.js"
export { AnomalyMemoryTable } from "./anomaly-memory.js"
export { type AppliedDocument, AppliedDocuments } from "./applied-document.js"
export { type Asked, AskedTable, type DecisionWord } from "./asked.js"
export { type BlobCache, openBlobCache } from "./blob-cache.js"
export { DrillTable, type StoredDrill } from "./drills.js"
export { DatabaseError, type DatabaseErrorCode, translated } from "./errors.js"
export { type FenceKind, Fences, mountName, type StoredFence } from "./fences.js"
export { type FindingCount, type FindingCursor, type FindingFilter, FindingList } from "./finding-list.js"
export { type FindingEvent, type FindingLook, type FindingMute, FindingNotes } from "./finding-notes.js"
export { FindingRows, type FindingState, type StoredFinding } from "./findings.js"
export { type FreshWindow, FreshWindows } from "./fresh-windows.js"
export { JobMemory, type JobMemoryRow } from "./job-memory.js"
export { LedgerIdentities, type LedgerIdentity } from "./ledger-identities.js"
export { type GoneReason, type LedgerSnapshot, LedgerSnapshots } from "./ledger-snapshots.js"
export { Marks } from "./marks.js"
export { type Pin, type PinChange, Pins, type StoredPin } from "./pins.js"
export { FIRST_PROJECT, LAST_PROJECT, ProjectIdTable } from "./project-ids.js"
export { type RunEnd, type RunFilter, type RunOutcome, type RunRow, Runs } from "./runs.js"
export { PlaceLedger } from "./scrub-ledger.js"
export { type OpenedScrubLedger, openScrubLedger, type ScrubLedgerOptions } from "./scrub-ledger-file.js"
export { SealedSecrets } from "./secrets.js"
export { type SimilarDismissal, SimilarDismissals } from "./similar-dismissals.js"
export {
  type IntegrityLevel,
  type KeptKey,
  type NewestProof,
  SnapshotIntegrityTable,
  type StoredDamage,
  type StoredIntegrity,
} from "./snapshot-integrity.js"
export { type SnapshotRun, SnapshotRuns } from "./snapshot-runs.js"
export { openDatabase, type StateDatabase } from "./state-database.js"
export { StretchedKeys } from "./stretched-keys.js"
export { type StoredTreeUse, TreeUses } from "./tree-uses.js"
export type { VolumeKey } from "./volume-key.js"
export { checkSqlite } from "./check-sqlite.js"
