import type { Instant } from "../../../storage/index.js"
import type { PlaceSpec } from "../../catalog/index.js"
import type { ScrubSettings } from "./settings.js"

// What crosses between the daemon's thread and the one of a run. All of it is plain.

export interface ScrubInput {
  readonly stateDirectory: string
  readonly spec: PlaceSpec
  readonly settings: ScrubSettings
  /** See openScrubLedger. */
  readonly ledger: { readonly alone: boolean; readonly damaged: boolean }
}

/** A file of the repository that is damaged now, read in this run or in an earlier one. */
export interface DamagedBlob {
  readonly blob: string
  readonly code: "corrupt" | "io" | "missing" | "misplaced"
  /** Unix milliseconds. */
  readonly since: number
}

export interface DamagedSnapshot {
  readonly id: string
  readonly start: Instant
  readonly root: string | undefined
  readonly identity: string
  /** Files and folders that cannot be restored whole. */
  readonly paths: number
  readonly sample: readonly string[]
}

/** What the damaged files cost. */
export type Cost =
  | { readonly kind: "nothing damaged" }
  | {
      readonly kind: "told"
      /** Of all snapshots those that lose something. */
      readonly snapshots: readonly DamagedSnapshot[]
      /** Ids of those that could not be read whole for another reason: of them nothing is told. */
      readonly unsure: readonly string[]
      /** How many pieces of backups are lost with damaged packs, whether a snapshot needs them or not. */
      readonly lost: number
    }
  /** It could not be told: no password, a wrong one, or what tells of it is damaged itself. */
  | { readonly kind: "untold"; readonly code: string; readonly why: string }

export interface ScrubFound {
  readonly engine: "kopia" | "restic"
  readonly damaged: readonly DamagedBlob[]
  /** Paths that may not be read, or did not answer. */
  readonly unread: readonly string[]
  /** By code, what was odd within the last days. */
  readonly odd: ReadonlyMap<Oddity, readonly string[]>
  readonly foreign: readonly string[]
  /** One file after the other could not be read, and it stopped. */
  readonly diskFails: boolean
  readonly ledgerLost: { readonly at: number; readonly file: string } | undefined
  readonly cost: Cost
  readonly figures: ScrubFigures
}

/** Of this run. */
export interface ScrubFigures {
  /** Files that were read and compared. */
  readonly compared: number
  /** Files whose hash was learnt. */
  readonly learnt: number
  readonly skipped: number
  readonly gone: number
  readonly unsettled: number
  readonly bytes: number
  readonly seconds: number
}

export const oddities = ["unsteady", "changed", "ledger_row"] as const
/** `unsteady`: right at the second reading only. `changed`: written anew. `ledger_row`: what the ledger said of it was damaged. */
export type Oddity = (typeof oddities)[number]
