import { type SnapshotPolicy, snapshotsToRemove, type SnapshotVerdicts } from "../../../storage/disk/index.js"
import { parseAge, type SnapshotKeep } from "../../config/index.js"
import type { SourceTree } from "./snapshot-source.js"

/** What the document says, as the retention counts. */
export function policyOf({ last, hourly, daily, weekly, monthly, minimumAge }: SnapshotKeep): SnapshotPolicy {
  return {
    keepLast: last,
    keepHourly: hourly,
    keepDaily: daily,
    keepWeekly: weekly,
    keepMonthly: monthly,
    // The schema let nothing else through; what is not understood keeps everything.
    minimumAge: parseAge(minimumAge) ?? Number.MAX_SAFE_INTEGER,
  }
}

/** By the document's rules, each subvolume, dataset or shared folder by itself. */
export function verdictsOf(
  trees: readonly SourceTree[],
  keep: SnapshotKeep,
  now: Date,
): { readonly tree: SourceTree; readonly verdicts: SnapshotVerdicts }[] {
  const policy = policyOf(keep)
  return trees.map((tree) => ({ tree, verdicts: snapshotsToRemove(tree.snapshots, policy, now) }))
}
