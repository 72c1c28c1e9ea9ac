import type { Engine, Listing, SnapshotSource } from "../../storage/index.js"
import type { Clock, IdentitySummary, PlaceSpec } from "../catalog/index.js"
import type { Document, DrillSettings, RepositoryEntry } from "../config/index.js"
import type { AnomalyMemoryTable, DrillTable, VolumeKey } from "../db/index.js"
import type { Findings, SnapshotIntegrity } from "../findings/index.js"
import type { JobSubject } from "../jobs/index.js"

export type RepositorySubject = Extract<JobSubject, { type: "repository" }>

/** What jobs that read repositories have of the daemon around them. */
export interface ReadingParts {
  readonly stateDirectory: string
  readonly clock: Clock
  /** As it was applied last. */
  readonly document: () => Document
  /** Where a subject is to be read, and how it is declared; undefined: it is declared no more. */
  readonly placeOf: (subject: RepositorySubject) => ReadingPlace | undefined
  /** Whether a document declares what lies in a place. */
  readonly isDeclared: (place: string) => boolean
  /** Whether this is the repository that belongs in a place, as far as one was seen there before. */
  readonly isPinned: (place: string, repositoryId: string) => boolean
  /** Whose backups an identity's are, as far as names tell. */
  readonly volumesOf: (place: string, identity: string) => readonly VolumeKey[]
  /** Whose backups lie in a place, as far as names tell. */
  readonly volumesIn: (place: string) => readonly VolumeKey[]
  /** The same by a source's name alone, whether or not a listing has shown it yet. */
  readonly volumesOfSource: (place: string, source: SnapshotSource) => readonly VolumeKey[]
  /** Whether a declared name may be this source's; true where names tell nothing. */
  readonly isExpected: (place: string, source: SnapshotSource) => boolean
  readonly anomalyMemory: AnomalyMemoryTable
  readonly drills: DrillTable
  /** As declared now. */
  readonly drillSettings: () => DrillSettings
  /** What the last good listing of a place shows; undefined: there is none. */
  readonly listed: (place: string) => ListedPlace | undefined
  /** Of all repositories that are known. */
  readonly directories: () => readonly string[]
  /** Where the real programs are, where that was said. */
  readonly engines: Readonly<Partial<Record<Engine, string | undefined>>>
  readonly findings: Findings
  readonly integrity: SnapshotIntegrity
}

export interface ListedPlace {
  readonly engine: Engine
  readonly depth: Listing["depth"]
  readonly identities: Iterable<IdentitySummary>
}

export interface ReadingPlace {
  /** Plain: what a thread of its own needs to open it (`FencedPlace`). */
  readonly spec: PlaceSpec
  readonly entry: RepositoryEntry
}
