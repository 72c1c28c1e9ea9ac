import type { Snapshot } from "../../storage/index.js"
import { type Anomaly, type Evidence, timeOf } from "./anomaly.js"
import type { AnomalyLimits } from "./limits.js"
import type { Named, Tally } from "./tally.js"
import { counted, sizeInWords } from "./words.js"

export interface Judged {
  readonly subject: Anomaly["subject"]
  /** Undefined: `after` is the first one. */
  readonly before: Snapshot | undefined
  readonly after: Snapshot
  readonly tally: Tally
  /** Files in `before`; undefined: not known. */
  readonly filesBefore: number | undefined
  readonly limits: AnomalyLimits
}

/** What many changes at once mean for all files. Pure. */
export interface Turnover {
  readonly rewritten: boolean
  readonly renamed: boolean
  readonly deleted: boolean
}

export function turnoverOf({
  tally,
  filesBefore,
  limits,
}: Pick<Judged, "tally" | "filesBefore" | "limits">): Turnover {
  const { count: renamed } = tally.renamed()
  const isMost = (count: number, percent: number): boolean =>
    filesBefore !== undefined &&
    count >= limits.changedFiles &&
    count * 100 >= percent * Math.max(filesBefore, 1)
  const isRenamed = isMost(renamed, limits.rewrittenPercent)
  return {
    rewritten: isMost(tally.changed.count, limits.rewrittenPercent),
    renamed: isRenamed,
    deleted: !isRenamed && isMost(tally.lost(), limits.deletedPercent),
  }
}

/** The zeros, and what could not be told. */
export function zeroAnomalies({
  subject,
  before,
  after,
  tally,
}: Omit<Judged, "filesBefore" | "limits">): Anomaly[] {
  const { zeroed, zeros, problem } = tally
  const steps = evidenceOf(before, after)
  const found: Anomaly[] = []
  if (zeroed.count > 0) {
    found.push({
      code: "file_zeroed",
      severity: "critical",
      subject,
      title: `${counted(zeroed.count, "file")} (${sizeInWords(zeroed.bytes)}) turned into zeros at the same size by ${timeOf(after)}: ${some(zeroed)}.`,
      hint: `Look at them in the volume. Snapshot ${before?.id ?? ""} still has what was in them: \`cistern get ${before?.id ?? ""}:/PATH\`.`,
      evidence: {
        ...steps,
        count: zeroed.count,
        bytes: zeroed.bytes,
        paths: zeroed.paths,
        more: zeroed.more,
      },
    })
  }
  if (zeros.count > 0) {
    found.push({
      code: "zeros_from_start",
      // Databases and downloads set files aside full of zeros; a volume of nothing else was copied wrong.
      severity: zeros.count * 2 > tally.added ? "warning" : "info",
      subject,
      title: `${counted(zeros.count, "file")} (${sizeInWords(zeros.bytes)}) held only zeros when first backed up, at ${timeOf(after)}: ${some(zeros)}.`,
      hint: "See whether the program that made them sets files aside like that. No snapshot has anything else of them.",
      evidence: {
        ...steps,
        count: zeros.count,
        of: tally.added,
        bytes: zeros.bytes,
        paths: zeros.paths,
        more: zeros.more,
      },
    })
  }
  if (problem !== undefined) {
    found.push({
      code: "not_compared",
      severity: "warning",
      subject,
      title: `Not everything of the snapshot of ${timeOf(after)} could be compared with the one before: ${problem}.`,
      hint: "Run `cistern verify`: it tells what of the repository is damaged, if a prune did not just run. Until then nobody knows what changed there.",
      evidence: { ...steps, problems: tally.problems, first: problem },
    })
  }
  return found
}

/** `rare`: other steps of this source were looked at, and this is not how it is. */
export function turnoverAnomalies(
  { subject, before, after, tally, filesBefore = 0 }: Judged,
  turnover: Turnover,
  rare: boolean,
): Anomaly[] {
  const severity = rare ? "critical" : "warning"
  const { changed, removed } = tally
  const steps = { ...evidenceOf(before, after), filesBefore, compared: rare }
  const found: Anomaly[] = []
  const blind =
    "Whether they are encrypted is not in what backups record; read one. Keep snapshot " +
    `${before?.id ?? ""} from retention (pin it) until you know.`
  if (turnover.rewritten) {
    found.push({
      code: "everything_rewritten",
      severity,
      subject,
      title: `${changed.count} of ${filesBefore} files got another content at once by ${timeOf(after)}.`,
      hint: blind,
      evidence: {
        ...steps,
        changed: changed.count,
        sameTime: tally.unmoved,
        paths: changed.paths,
        more: changed.more,
      },
    })
  }
  if (turnover.renamed) {
    const { count, ending } = tally.renamed()
    found.push({
      code: "everything_renamed",
      severity,
      subject,
      title: `${count} of ${filesBefore} files got the ending ${JSON.stringify(ending)} and another content by ${timeOf(after)}.`,
      hint: blind,
      evidence: { ...steps, renamed: count, ending, paths: removed.paths, more: removed.more },
    })
  }
  if (turnover.deleted) {
    const moved = tally.moved()
    found.push({
      code: "mass_deletion",
      severity: "warning",
      subject,
      title: `${tally.lost()} of ${filesBefore} files are gone by ${timeOf(after)}: ${some(removed)}.`,
      hint: `Snapshot ${before?.id ?? ""} still has them; pin it until you know that this is meant.`,
      evidence: {
        ...steps,
        removed: removed.count,
        moved,
        added: tally.added,
        paths: removed.paths,
        more: removed.more,
      },
    })
  }
  return found
}

function evidenceOf(before: Snapshot | undefined, after: Snapshot): Evidence {
  return {
    before: before?.id ?? null,
    beforeStart: before === undefined ? null : timeOf(before),
    after: after.id,
    afterStart: timeOf(after),
  }
}

/** The first three. */
function some({ paths, more }: Named): string {
  const left = paths.length - 3 + more
  return paths.slice(0, 3).join(", ") + (left > 0 ? ` and ${left} more` : "")
}
