import type { StorageErrorCode } from "../errors.js"
import type { Location } from "../disk/index.js"
import type { Engine } from "../repository.js"
import type { MountBelow } from "./mounts-below.js"

/** How far a survey goes. What lies beyond is named in `unlooked`. */
export interface SurveyLimits {
  /** Levels of folders below the top. */
  readonly depth: number
  /** Names read of one folder. */
  readonly namesInFolder: number
  /** Names read altogether. */
  readonly names: number
  /** A monotonic clock in milliseconds, and its value after which no folder is begun. */
  readonly now: () => number
  readonly deadline: number
}

/** Paths are relative to the survey's top, "" is the top itself. */
export interface Survey {
  readonly top: Location
  readonly repositories: readonly FoundRepository[]
  /** Folders with the file that VolSync's rclone mover leaves at the top of each copy. */
  readonly copies: readonly string[]
  /** Folders that hold nothing. */
  readonly empty: readonly string[]
  /** Other folders that hold files of their own. */
  readonly withFiles: readonly string[]
  /** Folders in which kopia looked for a repository once, and left `.shards` among other things. */
  readonly strayShards: readonly string[]
  /** Filesystems that are mounted below and were looked into. */
  readonly crossed: readonly MountBelow[]
  readonly unlooked: readonly Unlooked[]
  readonly folders: number
  readonly names: number
}

export interface FoundRepository {
  readonly path: string
  readonly engines: readonly [Engine, ...Engine[]]
  /** A mark of it that is no file and was not opened. */
  readonly irregular: string | undefined
}

/** Something that was not looked at, or not wholly, so that nothing is known of it. */
export interface Unlooked {
  readonly path: string
  readonly code:
    /** A limit of the survey. */
    | "limit"
    /** A filesystem that is left alone. */
    | "mount"
    /** Where the kernel shows itself: nothing is missed there. */
    | "kernel"
    /** A name that nothing can name. */
    | "name"
    /** Its directory was looked at already, at another path. */
    | "seen"
    | StorageErrorCode
  readonly message: string
}
