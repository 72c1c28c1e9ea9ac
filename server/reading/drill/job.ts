import { setTimeout as delay } from "node:timers/promises"
import { StorageError } from "../../../storage/index.js"
import { inThread, type JobContext, type JobKind, type Outcome } from "../../jobs/index.js"
import type { Work } from "../anomalies/job.js"
import { unreadable } from "../not-read.js"
import type { ListedPlace, ReadingParts, RepositorySubject } from "../parts.js"
import { DrillRound } from "./drill-round.js"
import type { DrillInput, DrillQuestion } from "./questions.js"

const SOURCE = "drill"
const HOUR_MS = 3_600_000
/** Removing what was restored takes its time, too. */
const GRACE_MS = 8_000

const inWorker: Work<DrillInput> = (input, context, answer) =>
  inThread(new URL("./drill-worker.js", import.meta.url), input, context, { answer, graceMs: GRACE_MS })

/** A run that goes on right after the daemon's start waits so long for the first listing. */
const LISTING_PATIENCE_MS = 120_000

/** The job that proves that backups can be restored: each volume's newest one, once in so many days. */
export function drillJob(
  parts: ReadingParts,
  work = inWorker,
  listingPatienceMs = LISTING_PATIENCE_MS,
): JobKind {
  return {
    name: SOURCE,
    title: "restores the newest backup of each volume to scratch space, checks it, and removes it",
    of: "repository",
    changing: false,
    resumable: true,
    schedule: { cron: "37 1 * * *", zone: "UTC", spreadMs: 3 * HOUR_MS },
    run: (context) => run(parts, context, work, listingPatienceMs),
  }
}

async function run(
  parts: ReadingParts,
  context: JobContext,
  work: Work<DrillInput>,
  listingPatienceMs: number,
): Promise<Outcome> {
  const subject = context.subject as RepositorySubject
  const found = parts.placeOf(subject)
  if (found === undefined)
    return { outcome: "skipped", reason: "not_declared", message: "it is not declared any more" }
  const { findings } = parts
  const looked = { source: SOURCE, scope: subject.place }
  const listed = await listing(parts, context, listingPatienceMs)
  if (listed === undefined) {
    findings.couldNotLook(looked, "it has not been listed yet")
    return { outcome: "skipped", reason: "not_listed", message: "it has not been listed yet" }
  }
  if (listed.depth === "names") {
    findings.couldNotLook(looked, "its password is not declared")
    return {
      outcome: "skipped",
      reason: "password_missing",
      message: "without the password nothing can be restored",
    }
  }
  const settings = parts.drillSettings()
  const round = new DrillRound({ parts, place: subject.place, run: context.run, settings, listed })
  const input: DrillInput = {
    spec: found.spec,
    scratch: settings.scratch,
    ownScratch: settings.ownScratch,
    notWithin: parts.directories(),
    minFreeBytes: settings.minFreeBytes,
    mostBytes: settings.mostBytes,
    program: parts.engines[listed.engine] ?? listed.engine,
  }
  try {
    // Of nothing that is due, neither the repository nor the scratch space is touched.
    if (round.hasDue()) await work(input, context, (question) => round.answer(question as DrillQuestion))
  } catch (error) {
    if (context.signal.aborted) throw error
    round.failed(error)
    const why = error instanceof Error ? error.message : String(error)
    const skipped = unreadable(error, found.entry)
    if (skipped?.isFirst !== true) findings.couldNotLook(looked, why)
    if (skipped !== undefined) return skipped.outcome
    if (error instanceof StorageError && error.facts["no_scratch"] === true)
      return { outcome: "skipped", reason: "no_scratch", message: why }
    throw error
  }
  findings.report(looked, round.facts(), { settleMs: 0 })
  return round.outcome()
}

async function listing(
  { listed }: ReadingParts,
  { subject, signal }: JobContext,
  patienceMs: number,
): Promise<ListedPlace | undefined> {
  const { place } = subject as RepositorySubject
  const end = performance.now() + patienceMs
  for (;;) {
    const found = listed(place)
    if (found !== undefined || performance.now() >= end) return found
    await delay(250, undefined, { signal })
  }
}
