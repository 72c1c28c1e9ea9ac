import { availableParallelism } from "node:os"
import { type ScrubReport, scrub } from "../../../storage/scrub/index.js"
import { openScrubLedger, PlaceLedger } from "../../db/index.js"
import type { JobContext } from "../../jobs/kind.js"
import { serveWork } from "../../jobs/work-body.js"
import { FencedPlace } from "../fenced-place.js"
import { costOf } from "./cost-of.js"
import { FencedLedger } from "./fenced-ledger.js"
import { type DamagedBlob, oddities, type Oddity, type ScrubFound, type ScrubInput } from "./found.js"
import { StandingBack } from "./standing-back.js"
import { damageCodes, troublesAfter } from "./troubles.js"

// The thread of a scrub's run.

const HOUR_MS = 3_600_000
/** Time since the last run counts from an hour to a day: runs come so often, and after a long pause not everything is read at once. */
const LONGEST_PERIOD_MS = 24 * HOUR_MS
/** So long somebody can see what was odd once. */
const KEEP_ODD_MS = 7 * 24 * HOUR_MS
/** Of each code. */
const MOST_ODD = 1000

serveWork((context, input) => work(context, input as ScrubInput))

async function work(context: JobContext, input: ScrubInput): Promise<ScrubFound> {
  const { stateDirectory, spec, ledger: how } = input
  const { connection, lost } = openScrubLedger(stateDirectory, how)
  try {
    // That it is open is what others wait for.
    context.progress({ done: 0, unit: "bytes", text: "listing files" })
    await context.standBack()
    const place = new FencedPlace(spec)
    try {
      return {
        ...(await scrubPlace(place, new PlaceLedger(connection, spec.place), context, input)),
        ledgerLost: lost,
      }
    } catch (error) {
      throw context.signal.aborted ? error : place.reasonOf(error)
    } finally {
      place.close()
    }
  } finally {
    connection.close()
  }
}

async function scrubPlace(
  place: FencedPlace,
  ledger: PlaceLedger,
  context: JobContext,
  { settings, spec }: ScrubInput,
): Promise<Omit<ScrubFound, "ledgerLost">> {
  const { signal } = context
  const { everyMs, limit, readers } = settings
  const started = Date.now()
  const before = codesOf(ledger)
  const standing = new StandingBack(context)
  let shown = ""
  const report = await scrub({
    root: place.directory,
    ...(spec.engine === undefined ? {} : { engine: spec.engine }),
    ledger: new FencedLedger(ledger, place),
    share: { everyMs, periodMs: periodSince(ledger.lastEnd, started), again: new Set(before.keys()) },
    processors: Math.max(1, Math.floor(availableParallelism() / 2)),
    ...(readers === undefined ? {} : { readers }),
    ...(limit === undefined ? {} : { limit }),
    pause: () => standing.isWanted,
    signal,
    onProgress: ({ bytes, totalBytes, files, totalFiles }) => {
      const now = `${bytes} ${files}`
      // A run that shows the same again and again has stalled.
      if (now === shown || totalFiles === 0) return
      shown = now
      const text = `${files} of ${totalFiles} files`
      context.progress({ done: Math.min(bytes, totalBytes), total: totalBytes, unit: "bytes", text })
    },
  })
  signal.throwIfAborted()
  place.assertSame()

  const { there } = ledger
  const known = (path: string) => ledger.known(path)
  const { now, gone } = troublesAfter(before, { report, known, started, there })
  const bad = [...now].flatMap(([path, code]) => (damageCodes.has(code) ? [path] : []))
  const { cost, needed } = await costOf(place, bad, gone, context)
  ledger.setTroubles(new Map([...now, ...[...needed].map((path) => [path, "missing"] as const)]))
  const odd = ledger.oddities(oddIn(report, ledger), KEEP_ODD_MS)
  ledger.ended()
  return {
    engine: report.engine === "copy" ? "restic" : report.engine,
    damaged: damagedIn(ledger),
    unread: [...now].flatMap(([path, code]) => (damageCodes.has(code) ? [] : [path])),
    odd: new Map(oddities.flatMap((code) => (odd.has(code) ? [[code, odd.get(code) ?? []]] : []))),
    foreign: report.foreign,
    diskFails: report.stopped === "disk",
    cost,
    figures: {
      compared: report.checked,
      learnt: report.recorded,
      skipped: report.skipped,
      gone: report.gone,
      unsettled: report.unsettled.length,
      bytes: report.bytes,
      seconds: report.seconds,
    },
  }
}

function periodSince(lastEnd: number | undefined, now: number): number {
  return lastEnd === undefined ? HOUR_MS : Math.min(LONGEST_PERIOD_MS, Math.max(HOUR_MS, now - lastEnd))
}

function codesOf(ledger: PlaceLedger): Map<string, string> {
  return new Map([...ledger.troubles()].map(([path, { code }]) => [path, code]))
}

function damagedIn(ledger: PlaceLedger): DamagedBlob[] {
  return [...ledger.troubles()].flatMap(([blob, { code, since }]) =>
    damageCodes.has(code) ? [{ blob, code: code as DamagedBlob["code"], since }] : [],
  )
}

function oddIn(report: ScrubReport, ledger: PlaceLedger): (readonly [Oddity, string])[] {
  const named = (code: Oddity, paths: Iterable<string>) =>
    [...paths].slice(0, MOST_ODD).map((path) => [code, path] as const)
  return [
    ...named("unsteady", report.unsteady),
    ...named("changed", report.changed),
    ...named("ledger_row", ledger.damagedRows),
  ]
}
