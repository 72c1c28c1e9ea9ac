import type { Snapshot, Writer } from "../../storage/index.js"
import { type Anomaly, timeOf } from "./anomaly.js"
import { historyOf } from "./history.js"
import type { AnomalyLimits } from "./limits.js"
import { sizeAnomalies } from "./sizes.js"
import { timeAnomalies } from "./times.js"
import { counted } from "./words.js"
import { writerAnomalies, type WriterName } from "./writers.js"

export interface SourceInput {
  /** What the source is called: a volume, or the engine's identity. Findings go by it. */
  readonly source: string
  /** In whatever order. */
  readonly snapshots: readonly Snapshot[]
  /** Unix milliseconds. */
  readonly now: number
  readonly limits: AnomalyLimits
  /** Who may write it; none: nobody, as where no convention explains an identity; undefined: not known, and learnt. */
  readonly writers?: readonly WriterName[]
  /** Sessions or locks of this source's writer. */
  readonly marks?: readonly Writer[]
}

/**
 * What is odd about one source now, by its listing alone. Pure, and no more is needed from one call to the next than the listing:
 * whatever it says is said again while it is so. What the engine does not record (restic without its password: everything but times;
 * before 0.17: sizes) is not judged.
 */
export function anomaliesOfSource({
  source,
  snapshots,
  now,
  limits,
  writers,
  marks = [],
}: SourceInput): Anomaly[] {
  const subject = { kind: "source", key: source } as const
  const history = historyOf(snapshots, now)
  return [
    ...sizeAnomalies(history, limits, subject),
    ...writerAnomalies(history, writers, subject),
    ...timeAnomalies(history, { now, limits, marks }, subject),
    ...failed(history.complete, subject),
  ].filter(({ code }) => !limits.off.includes(code))
}

/** Complete, and not everything is in it. */
function failed(complete: readonly Snapshot[], subject: Anomaly["subject"]): Anomaly[] {
  const newest = complete.at(-1)
  if (newest === undefined || newest.failedFiles <= 0) return []
  const good = complete.findLastIndex(({ failedFiles }) => failedFiles <= 0)
  const [first, last] = [complete[good + 1] ?? newest, complete[good]]
  return [
    {
      code: "files_failed",
      severity: "warning",
      subject,
      title: `The writer could not read ${counted(newest.failedFiles, "entry").replace(/entrys$/, "entries")}; the newest backup lacks them, and each since ${timeOf(first)} lacks some.`,
      hint: "The mover's log names them. Mostly its user may not read them, or they change while they are read.",
      evidence: {
        failed: newest.failedFiles,
        newest: newest.id,
        since: timeOf(first),
        lastWithout: last === undefined ? null : last.id,
      },
    },
  ]
}
