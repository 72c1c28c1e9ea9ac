export type RepositoryFileKind =
  /** Holds contents: Kopia's `p…` and `q…`, restic's `data/…`. */
  | "pack"
  /** Says where contents lie, or which files say it: Kopia's `x…`, `n…` and `m…`, restic's `index/…`. */
  | "index"
  /** A snapshot is a file of its own: restic's. */
  | "snapshot"
  | "key"
  /** Nothing can be read without it: Kopia's format block, restic's `config`. */
  | "format"
  /** Sessions, locks, logs: of no matter to what was stored. */
  | "other"

/** What would be lost with one file of a repository, as it lies in it and nowhere else. */
export interface LostContents {
  /** The engine's id of it. */
  readonly blob: string
  /** Its path in the repository. */
  readonly file: string
  readonly kind: RepositoryFileKind
  /** Without it nothing of the repository can be read; then `has` is true for all. */
  readonly everything: boolean
  /** Until it is back, the engine restores nothing at all, also where `has` is true for little. */
  readonly stops: boolean
  /** How many contents would be lost, whether or not a snapshot needs them. */
  readonly count: number
  /** Takes ids as `SnapshotContents.parts` gives them. Holds as long as the contents that it was made by. */
  readonly has: (content: string) => boolean
  /** Ids of the snapshots that would be lost themselves, because what tells of them lies there. */
  readonly snapshots: readonly string[]
  /** How the engine wins it back without a copy, as a sentence. Undefined: not at all. */
  readonly recovery: string | undefined
  /** What else comes with the loss, as a sentence. */
  readonly note: string | undefined
}

type Loss = Partial<LostContents> & Pick<LostContents, "blob" | "file" | "kind">

/** A loss that costs nothing but what is said of it. */
export function lossOf(loss: Loss): LostContents {
  const nothing = {
    everything: false,
    stops: false,
    count: 0,
    snapshots: [],
    recovery: undefined,
    note: undefined,
  }
  return { ...nothing, has: () => false, ...loss }
}

/** A loss without which nothing can be read; `count`: how many contents there are. */
export function lossOfAll(loss: Loss & { readonly count: number }): LostContents {
  return lossOf({ everything: true, stops: true, has: () => true, ...loss })
}
