import type { Snapshot } from "../../storage/index.js"
import { type Anomaly, timeOf } from "./anomaly.js"
import type { History } from "./history.js"
import { changedLevel } from "./level.js"
import type { AnomalyLimits } from "./limits.js"
import { counted, sizeInWords } from "./words.js"

type Subject = Anomaly["subject"]
type Measure = "files" | "bytes"

const inWords: Readonly<Record<Measure, (value: number) => string>> = {
  files: (value) => counted(Math.round(value), "file"),
  bytes: sizeInWords,
}

/** What fell, what grew: by the figures that snapshots carry. Where the engine records none (restic before 0.17), nothing is told. */
export function sizeAnomalies({ complete }: History, limits: AnomalyLimits, subject: Subject): Anomaly[] {
  const empty = emptied(complete, subject)
  if (empty !== undefined) return [empty]
  return [
    lost("files", complete, limits, subject),
    lost("bytes", complete, limits, subject),
    grown(complete, limits, subject),
  ].filter((anomaly) => anomaly !== undefined)
}

/** Told as long as a snapshot with files is there: these are the ones that retention will take away. */
function emptied(complete: readonly Snapshot[], subject: Subject): Anomaly | undefined {
  const newest = complete.at(-1)
  const last = complete.findLast((snapshot) => holdsFiles(snapshot) === true)
  if (newest === undefined || last === undefined || holdsFiles(newest) !== false) return undefined
  return {
    code: "emptied",
    severity: "critical",
    subject,
    title: `The newest backup is empty; that of ${timeOf(last)} had ${amount(last)}.`,
    hint: `See what the volume holds, and pin snapshot ${last.id} before retention removes it; restore from it if the data is gone.`,
    evidence: { newest: newest.id, newestStart: timeOf(newest), lastGood: last.id, ...figures(last) },
  }
}

/** Undefined: the engine did not record it. */
function holdsFiles({ files, bytes }: Snapshot): boolean | undefined {
  const figure = files ?? bytes
  return figure === undefined ? undefined : figure > 0
}

function lost(
  measure: Measure,
  complete: readonly Snapshot[],
  { window, lostPercent, lostFiles, lostBytes }: AnomalyLimits,
  subject: Subject,
): Anomaly | undefined {
  const known = measured(complete, measure)
  const least = measure === "files" ? lostFiles : lostBytes
  const level = changedLevel(
    known.map(({ value }) => value),
    {
      window,
      least: 2,
      longest: window,
      isOff: (value, usual) => usual - value >= least && value <= usual * (1 - lostPercent / 100),
    },
  )
  const [first, newest, good] = [known[level?.at ?? -1], known.at(-1), known[(level?.at ?? 0) - 1]]
  if (level === undefined || first === undefined || newest === undefined || good === undefined)
    return undefined
  const percent = Math.round((1 - newest.value / level.usual) * 100)
  const words = inWords[measure]
  return {
    code: measure === "files" ? "files_lost" : "bytes_lost",
    severity: "warning",
    subject,
    title: `Since ${timeOf(first.snapshot)} ${percent} % of its ${measure} are gone: ${words(newest.value)}, usually ${words(level.usual)}.`,
    hint: `See with \`cistern diff ${good.snapshot.id} ${first.snapshot.id}\` what went; snapshot ${good.snapshot.id} still has it.`,
    evidence: {
      measure,
      usual: level.usual,
      value: newest.value,
      percent,
      since: timeOf(first.snapshot),
      first: first.snapshot.id,
      lastGood: good.snapshot.id,
      newest: newest.snapshot.id,
    },
  }
}

function grown(
  complete: readonly Snapshot[],
  { window, growthFactor, growthBytes }: AnomalyLimits,
  subject: Subject,
): Anomaly | undefined {
  const known = measured(complete, "bytes")
  const level = changedLevel(
    known.map(({ value }) => value),
    {
      window,
      // A source is filled at first; what it is like shows later.
      least: 5,
      longest: window,
      isOff: (value, usual) => value - usual >= growthBytes && value >= usual * growthFactor,
    },
  )
  const [first, newest] = [known[level?.at ?? -1], known.at(-1)]
  if (level === undefined || first === undefined || newest === undefined) return undefined
  return {
    code: "growth",
    severity: "info",
    subject,
    title: `Since ${timeOf(first.snapshot)} it is far larger than it was: ${sizeInWords(newest.value)}, usually ${sizeInWords(level.usual)}.`,
    hint: "See whether this is meant: `cistern diff` names what came, `cistern quotas` what there is room for.",
    evidence: {
      usual: level.usual,
      value: newest.value,
      since: timeOf(first.snapshot),
      first: first.snapshot.id,
      newest: newest.snapshot.id,
    },
  }
}

function measured(complete: readonly Snapshot[], measure: Measure): { snapshot: Snapshot; value: number }[] {
  return complete.flatMap((snapshot) => {
    const value = snapshot[measure]
    return value === undefined || !Number.isFinite(value) || value < 0 ? [] : [{ snapshot, value }]
  })
}

function amount({ files, bytes }: Snapshot): string {
  const parts = [
    ...(files === undefined ? [] : [inWords.files(files)]),
    ...(bytes === undefined ? [] : [inWords.bytes(bytes)]),
  ]
  return parts.join(", ")
}

function figures({ files, bytes }: Snapshot): Record<string, number> {
  return { ...(files === undefined ? {} : { files }), ...(bytes === undefined ? {} : { bytes }) }
}
