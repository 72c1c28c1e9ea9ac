import type { Clock, PlaceSpec } from "../catalog/index.js"
import type { RepositoryEntry } from "../config/index.js"
import type { VolumeKey } from "../db/index.js"
import type { Findings, SnapshotIntegrity } from "../findings/index.js"
import type { JobSubject } from "../jobs/index.js"

export type RepositorySubject = Extract<JobSubject, { type: "repository" }>

/** What jobs that read repositories have of the daemon around them. */
export interface ReadingParts {
  readonly stateDirectory: string
  readonly clock: Clock
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
  readonly findings: Findings
  readonly integrity: SnapshotIntegrity
}

export interface ReadingPlace {
  /** Plain: what a thread of its own needs to open it (`FencedPlace`). */
  readonly spec: PlaceSpec
  readonly entry: RepositoryEntry
}
