import type { Writer } from "../../storage/index.js"
import { type Anomaly, timeOf } from "./anomaly.js"
import { type History, isAhead, startMs } from "./history.js"
import type { AnomalyLimits } from "./limits.js"
import { closeRuns, rhythmOf } from "./rhythm.js"
import { counted, spanInWords } from "./words.js"

type Subject = Anomaly["subject"]

/** What the clock says about a source. `now` in Unix milliseconds; `marks` are what running or killed writers of it left. */
export function timeAnomalies(
  history: History,
  { now, limits, marks }: { now: number; limits: AnomalyLimits; marks: readonly Writer[] },
  subject: Subject,
): Anomaly[] {
  return [
    inFuture(history, now, subject),
    missed(history, now, limits, subject),
    neverComplete(history, now, limits, subject),
    startsOver(history, now, limits, marks, subject),
    tooOften(history, now, limits, subject),
  ].filter((anomaly) => anomaly !== undefined)
}

function inFuture({ all }: History, now: number, subject: Subject): Anomaly | undefined {
  const ahead = all.filter((snapshot) => isAhead(snapshot, now))
  const last = ahead.at(-1)
  if (last === undefined) return undefined
  return {
    code: "in_future",
    severity: "warning",
    subject,
    title: `${counted(ahead.length, "snapshot")} of the future: ${timeOf(last)} is ${spanInWords(startMs(last) - now)} ahead.`,
    hint: "Set the clock of the node that wrote it, and of this machine. A mover restores it as the newest until then, and retention counts from it.",
    evidence: {
      snapshots: ahead.map(({ id }) => id).slice(0, 20),
      count: ahead.length,
      latest: timeOf(last),
    },
  }
}

function missed(
  { complete, newest }: History,
  now: number,
  { intervalMs, missedIntervals }: AnomalyLimits,
  subject: Subject,
): Anomaly | undefined {
  if (newest === undefined) return undefined
  const starts = complete.filter((snapshot) => !isAhead(snapshot, now)).map(startMs)
  const learnt = intervalMs === undefined ? rhythmOf(starts) : { intervalMs, pauseMs: intervalMs }
  const age = now - startMs(newest)
  if (learnt === undefined) return undefined
  const most = Math.max(learnt.intervalMs * missedIntervals, learnt.pauseMs * PAUSE_SLACK)
  if (age <= most) return undefined
  return {
    code: "backup_missed",
    severity: "warning",
    subject,
    title: `The newest complete backup began ${spanInWords(age)} ago; usually there is one every ${spanInWords(learnt.intervalMs)}.`,
    hint: "Look at the mover's pods and schedule in the cluster. If the volume is gone for good, mute this.",
    evidence: {
      newest: newest.id,
      newestStart: timeOf(newest),
      ageSeconds: Math.round(age / 1000),
      intervalSeconds: Math.round(learnt.intervalMs / 1000),
      allowedSeconds: Math.round(most / 1000),
      learnt: intervalMs === undefined,
    },
  }
}

/** What a pause may be longer than the longest before. */
const PAUSE_SLACK = 1.25

function neverComplete(
  { all, complete }: History,
  now: number,
  { firstBackupMs }: AnomalyLimits,
  subject: Subject,
): Anomaly | undefined {
  const [first] = all
  if (first === undefined || complete.length > 0 || now - startMs(first) <= firstBackupMs) return undefined
  return {
    code: "never_complete",
    severity: "warning",
    subject,
    title: `There is no complete backup, and the first was begun ${spanInWords(now - startMs(first))} ago.`,
    hint: "See in the mover's log why it ends early: memory, a time limit, an upload limit. Nothing here may be restored as a whole.",
    evidence: {
      first: timeOf(first),
      snapshots: all.length,
      reasons: [...new Set(all.map(({ incomplete }) => incomplete ?? ""))],
    },
  }
}

/** A mark that was not touched for so long is of a writer that is gone: Kopia writes its own anew at least every 45 minutes. */
const DEAD_MARK_MS = 3 * 3_600_000

function startsOver(
  { unfinished, newest }: History,
  now: number,
  { restarts }: AnomalyLimits,
  marks: readonly Writer[],
  subject: Subject,
): Anomaly | undefined {
  const since = unfinished.filter(({ start }) => newest === undefined || start > newest.start)
  const dead = marks.filter(({ lastSeen }) => now - Number(lastSeen / 1_000_000n) > DEAD_MARK_MS)
  if (since.length < restarts && dead.length < restarts) return undefined
  const what =
    since.length >= restarts
      ? `${counted(since.length, "run")} began since the last complete backup, and none ended`
      : `${counted(dead.length, "writer")} left a mark and did not end`
  return {
    code: "starts_over",
    severity: "warning",
    subject,
    title: `The writer starts over and over: ${what}.`,
    hint: "Look at the mover's pods: killed for memory, evicted, or stopped by a time limit.",
    evidence: {
      runs: since.length,
      starts: since.slice(-20).map(timeOf),
      deadMarks: dead.length,
      lastComplete: newest === undefined ? null : timeOf(newest),
    },
  }
}

const MANY_RUNS = 6
/** Nobody means to back up as often; where an interval is given, a tenth of it. */
const CLOSE_MS = 2 * 60_000
const RECENT_MS = 24 * 3_600_000

function tooOften(
  { complete, newest }: History,
  now: number,
  { intervalMs }: AnomalyLimits,
  subject: Subject,
): Anomaly | undefined {
  if (newest === undefined || now - startMs(newest) > RECENT_MS) return undefined
  const close = intervalMs === undefined ? CLOSE_MS : Math.max(intervalMs / 10, CLOSE_MS)
  const runs = closeRuns(complete.filter((snapshot) => !isAhead(snapshot, now)).map(startMs), close)
  if (runs < MANY_RUNS) return undefined
  return {
    code: "runs_too_often",
    severity: "warning",
    subject,
    title: `${runs} backups were made within ${spanInWords(close)} of each other, the last at ${timeOf(newest)}.`,
    hint: "Look for a trigger that fires again and again. Retention counts these, and takes older ones away for them.",
    evidence: { runs, gapSeconds: Math.round(close / 1000), newest: newest.id },
  }
}
