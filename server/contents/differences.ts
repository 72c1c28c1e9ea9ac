import { diffTrees } from "../../storage/browse/index.js"
import { findEntry, type Snapshot, type SnapshotContents } from "../../storage/index.js"
import { type ChangeJson, changeJson, type DiffSums, isTold } from "./diff-json.js"

export interface ComparedSide {
  readonly snapshot: Snapshot
  /** In it; "" for all of it. */
  readonly path: string
}

export interface DifferenceOptions {
  readonly before: ComparedSide
  readonly after: ComparedSide
  /** Also what has another owner, mode, time or attribute only. */
  readonly metadata: boolean
  readonly signal?: AbortSignal
}

/** What differs between two places of two snapshots. `sums` counts what is told and what is not. Throws StorageError. */
export async function* differencesOf(
  contents: SnapshotContents,
  { before, after, metadata, signal }: DifferenceOptions,
  sums: DiffSums,
): AsyncGenerator<ChangeJson> {
  const old = await findEntry(contents, before.snapshot, before.path)
  const now = await findEntry(contents, after.snapshot, after.path)
  for await (const change of diffTrees(contents, old, now, signal === undefined ? {} : { signal })) {
    sums.add(change)
    if (isTold(change, metadata)) yield changeJson(change)
  }
}
