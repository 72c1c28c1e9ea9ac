import type { Difference, TreeChange } from "../../storage/browse/index.js"
import type { SnapshotEntry } from "../../storage/index.js"
import {
  type EntryJson,
  fieldsJson,
  type PathJson,
  pathJson,
  type ProblemJson,
  problemJson,
} from "./entry-json.js"

/** One difference as `diff --json` prints it. Paths are relative to what is compared. */
export interface ChangeJson extends PathJson {
  readonly change: "added" | "removed" | "changed"
  /** Of `changed`. */
  readonly what: readonly Difference[]
  readonly before?: SideJson
  readonly after?: SideJson
  /** What below it could not be compared. */
  readonly problem?: ProblemJson
}

type SideJson = Omit<EntryJson, keyof PathJson>

export function changeJson({ path, kind, before, after, what, problem }: TreeChange): ChangeJson {
  return {
    ...pathJson(path),
    change: kind,
    what,
    ...(before === undefined ? {} : { before: sideJson(before) }),
    ...(after === undefined ? {} : { after: sideJson(after) }),
    ...(problem === undefined ? {} : { problem: problemJson(problem) }),
  }
}

/** With a link's target where it is recorded with the link. */
function sideJson(entry: SnapshotEntry): SideJson {
  return fieldsJson(entry, entry.target === undefined ? {} : { target: entry.target })
}

/** Whether a change is one of what is there or in it; the others are shown when asked for. */
export function isTold({ kind, what, problem }: TreeChange, metadata: boolean): boolean {
  return kind !== "changed" || metadata || problem !== undefined || isOfContent(what)
}

function isOfContent(what: readonly Difference[]): boolean {
  return what.some((one) => ["type", "content", "target", "device"].includes(one))
}

export interface DiffSummary {
  readonly added: number
  readonly removed: number
  /** Other contents, another target or another kind. */
  readonly changed: number
  /** Another owner, mode, time or attribute only. */
  readonly metadata: number
  /** Of the files added, as recorded; and of the files removed. */
  readonly bytesAdded: number
  readonly bytesRemoved: number
  /** Directories that could not be compared. */
  readonly problems: number
}

/** Counts differences. */
export class DiffSums {
  #sums: { -readonly [Key in keyof DiffSummary]: number } = {
    added: 0,
    removed: 0,
    changed: 0,
    metadata: 0,
    bytesAdded: 0,
    bytesRemoved: 0,
    problems: 0,
  }

  add({ kind, before, after, what, problem }: TreeChange): void {
    const sums = this.#sums
    if (problem !== undefined) sums.problems++
    if (kind === "changed") {
      if (isOfContent(what)) sums.changed++
      else if (what.length > 0) sums.metadata++
      return
    }
    sums[kind]++
    if (kind === "added") sums.bytesAdded += after?.size ?? 0
    else sums.bytesRemoved += before?.size ?? 0
  }

  json(): DiffSummary {
    return this.#sums
  }
}
