import type { Measured } from "../quotas/index.js"

/** A filesystem snapshot: what a subvolume or a dataset held at one moment. */
export interface FilesystemSnapshot {
  readonly name: string
  /** Whether it is one of Cistern's, by its name. Others are shown, and never touched. */
  readonly ours: boolean
  /** Unix milliseconds. */
  readonly createdAt: number
  /** Why it was made. Undefined for others. */
  readonly reason: string | undefined
  /** Unix milliseconds from when on it is not needed any more. Undefined: the retention decides. */
  readonly expiresAt: number | undefined
  /** Who holds it, such as a run that still needs it: it is not removed until each has let go. */
  readonly holds: readonly string[]
  /** Where it can be read as a directory. Undefined while it is not whole. */
  readonly path: string | undefined
  /** `unfinished`: making or removing it was interrupted. `unclear`: what is kept of it beside it cannot be read. */
  readonly state: "whole" | "unfinished" | "unclear"
  /** What removing it would give back, in bytes. */
  readonly ownBytes: Measured
}

/** Where filesystem snapshots of a directory come from and go to. */
export type SnapshotPlace = {
  /** With links followed. */
  readonly store: string
  /** What a snapshot holds: the root of the subvolume or dataset that the directory lies in. */
  readonly tree: string
  /** The directory below which they can be read. */
  readonly folder: string
  /** What somebody who relies on them has to know. Sentences. */
  readonly notices: readonly string[]
} & ({ readonly kind: "btrfs" } | { readonly kind: "zfs"; readonly dataset: string })

export interface NewSnapshot {
  /** One word or more with "-" between them, such as "before-prune". Goes into the name. */
  readonly reason: string
  readonly expiresAt?: number | undefined
  /** Holds it from its first moment. */
  readonly hold?: string | undefined
  readonly now?: Date
}

/** The filesystem snapshots of one place. All throw StorageError. */
export interface FilesystemSnapshots {
  readonly place: SnapshotPlace
  /** The newest first; others than ours, too, where they can be seen. */
  list(): Promise<readonly FilesystemSnapshot[]>
  /** Makes one, read-only, of a name that none has. Stopped half-way, one is left that is `unfinished`. */
  create(wanted: NewSnapshot): Promise<FilesystemSnapshot>
  /** Marks it as held by `holder`. That it is already is success. */
  hold(name: string, holder: string): Promise<void>
  /** Takes one holder's mark away. That there was none is success. */
  release(name: string, holder: string): Promise<void>
  /** Removes one of ours for good. `invalid` for one that is not ours or is held. */
  remove(name: string): Promise<void>
}
