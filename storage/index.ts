export { asCorrupt, type ErrorFacts, StorageError, type StorageErrorCode } from "./errors.js"
export type {
  ByteRange,
  EntryKind,
  ExtendedAttribute,
  OpenedContents,
  FileContents,
  SnapshotContents,
  SnapshotEntry,
} from "./contents.js"
export type { LostContents, RepositoryFileKind } from "./lost-contents.js"
export { findEntry } from "./find-entry.js"
export type { EngineCommand, NewRepositoryOptions } from "./engine-command.js"
export { formatInstant, type Instant, type ParsedTime, parseTime } from "./instant.js"
export { lastingMarks } from "./kopia/index.js"
export { newRepositoryCommand } from "./new-repository.js"
export { openRepository } from "./open.js"
export type {
  Engine,
  KeyMemory,
  Listing,
  Notice,
  OpenOptions,
  Repository,
  Snapshot,
  SnapshotSource,
  SourceSnapshots,
  Writer,
} from "./repository.js"
export { Secret } from "./secret.js"
