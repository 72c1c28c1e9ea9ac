import type { EntryKind } from "../../storage/index.js"
import type { PathJson, ProblemJson } from "./entry-json.js"

interface BriefSnapshot {
  readonly id: string
  readonly start: string
}

/** One row of `find --json`: one content at one path, or a directory that could not be searched. */
export interface FoundJson extends PathJson {
  readonly identity: string
  /** The oldest and the newest of the snapshots that follow each other and have it, and how many have it. */
  readonly first: BriefSnapshot
  readonly last: BriefSnapshot
  readonly snapshots: number
  readonly type?: EntryKind
  readonly size?: number
  readonly mtime?: string | null
  /** Instead of the three above. */
  readonly problem?: ProblemJson
}
