import type { Snapshot } from "../../../storage/index.js"
import type { Check } from "../../../storage/restore/index.js"
import type { PlaceSpec } from "../../catalog/index.js"

// What the thread that restores and the daemon's thread say to each other. All of it is plain.

export interface DrillInput {
  readonly spec: PlaceSpec
  readonly scratch: string
  /** It is our own, and made where it is not there. */
  readonly ownScratch: boolean
  /** Directories that scratch space must not lie in. */
  readonly notWithin: readonly string[]
  readonly minFreeBytes: number
  /** Larger snapshots are not drilled. */
  readonly mostBytes: number
  /** Of the engine: a path, or a name that is looked for in PATH. */
  readonly program: string
}

/** What is restored next. */
export interface DrillOrder {
  /** For people. */
  readonly volume: string
  readonly snapshot: Snapshot
  readonly sentinels: readonly string[]
  readonly withEngine: boolean
}

/** One file that could not be read back, twice. */
export interface DrillDamage {
  /** Codes of errors. */
  readonly reasons: readonly string[]
  readonly paths: number
  readonly sample: readonly string[]
}

/** What came of one. */
export type DrillReply =
  | {
      readonly kind: "drilled"
      readonly files: number
      readonly bytes: number
      readonly seconds: number
      /** Bytes in a second. */
      readonly rate: number
      readonly checks: readonly Check[]
      /** Undefined: everything was restored, or it is not known to be the backup's fault. */
      readonly damage: DrillDamage | undefined
      /** Every file of the snapshot was restored. */
      readonly whole: boolean
    }
  /** It could not be begun or not be brought to its end, which says nothing of the backup. */
  | { readonly kind: "impossible"; readonly reason: string; readonly message: string }
  /** Retention took the snapshot meanwhile. */
  | { readonly kind: "gone" }

export type DrillQuestion =
  /** The answer: a DrillOrder, or undefined when this was all for now. */
  { readonly ask: "next" } | { readonly ask: "done"; readonly reply: DrillReply }
