import type { Anomaly, AnomalyLimits, SourceMemory, WriterName } from "../../anomalies/index.js"
import type { PlaceSpec } from "../../catalog/index.js"
import type { Engine, SnapshotSource } from "../../../storage/index.js"

// What the thread that looks for anomalies and the daemon's thread say to each other. All of it is plain.

export interface AnomaliesInput {
  readonly spec: PlaceSpec
  /** Unix milliseconds, by the daemon's clock. */
  readonly now: number
}

/** How sources are to be judged, and what is remembered of them. */
export interface AboutSources {
  readonly ask: "about"
  readonly engine: Engine
  readonly sources: readonly { readonly name: string; readonly source: SnapshotSource }[]
}

/** One for each, in the same order. */
export type SourcesAnswer = readonly {
  readonly limits: AnomalyLimits
  readonly memory: SourceMemory
  /** Undefined: they are learnt. */
  readonly writers: readonly WriterName[] | undefined
}[]

/** To be kept: what was found in steps is found once. */
export interface Compared {
  readonly ask: "compared"
  readonly source: string
  readonly memory: SourceMemory
}

/** What is odd about some sources; each is told once. */
export interface Found {
  readonly ask: "found"
  readonly sources: readonly FoundSource[]
}

export interface FoundSource {
  readonly name: string
  readonly source: SnapshotSource
  readonly anomalies: readonly Anomaly[]
}

export type AnomaliesQuestion = AboutSources | Compared | Found
