import { availableParallelism } from "node:os"
import { verify, type VerifyLevel, type VerifyProgress } from "../../../storage/verify/index.js"
import type { PlaceSpec } from "../../catalog/messages.js"
import type { IntegrityRecord, SnapshotKey } from "../../findings/index.js"
import type { JobContext, Outcome, RunProgress } from "../../jobs/kind.js"
import { type Ask, serveWork } from "../../jobs/work-body.js"
import { FencedPlace } from "../fenced-place.js"
import { forgetOldMemories, placeMemory } from "./place-memory.js"
import { outcomeOf } from "./verify-outcome.js"
import { reportOf, type VerifyReport, type VerifySummary } from "./verify-report.js"

// The thread of a verify. It reads; what comes of it the daemon's thread writes down.

export interface VerifyInput {
  readonly spec: PlaceSpec
  readonly level: VerifyLevel
  readonly stateDirectory: string
}

/** A part of what was found, in the order: records, keys, summary. Whatever came counts only when the run has ended well. */
export type Told =
  | { readonly records: readonly IntegrityRecord[] }
  | { readonly keys: readonly SnapshotKey[] }
  | { readonly summary: VerifySummary }

/** So many cross at once: taking them in stops the daemon's thread. */
const BATCH = 200
/** One processor is left to the answers; more threads than disks feed only take memory. */
const threads = Math.max(1, Math.min(4, availableParallelism() - 1))
/** Paths that are named of a damaged snapshot. */
const MOST_PATHS = 20

async function work(
  context: JobContext,
  { spec, level, stateDirectory }: VerifyInput,
  ask: Ask,
): Promise<Outcome> {
  const place = new FencedPlace(spec)
  try {
    const repository = await place.open()
    const memory = placeMemory(stateDirectory, spec.place, {
      guard: () => {
        place.assertSame()
      },
      trouble: (error) => {
        context.log("what was found whole could not be kept", { error: String(error) }, "warn")
      },
    })
    const result = await verify(repository, place.files, {
      level,
      directory: place.directory,
      threads,
      memory,
      mostPaths: MOST_PATHS,
      signal: context.signal,
      pause: () => context.standBack(),
      progress: (progress) => {
        context.progress(shownOf(progress))
      },
    })
    place.assertSame()
    const report = reportOf(result, context.run)
    await tell(report, ask)
    forgetOldMemories(stateDirectory, Date.now())
    return outcomeOf(report.summary)
  } catch (error) {
    context.signal.throwIfAborted()
    throw place.reasonOf(error)
  } finally {
    place.close()
  }
}

async function tell({ records, keys, summary }: VerifyReport, ask: Ask): Promise<void> {
  for (let at = 0; at < records.length; at += BATCH)
    await ask({ records: records.slice(at, at + BATCH) } satisfies Told)
  for (let at = 0; at < keys.length; at += BATCH)
    await ask({ keys: keys.slice(at, at + BATCH) } satisfies Told)
  await ask({ summary } satisfies Told)
}

const texts: Readonly<Record<VerifyProgress["phase"], string>> = {
  indexes: "indexes",
  trees: "directories",
  packs: "packs",
  contents: "contents",
  damage: "what is damaged",
}

function shownOf({ phase, items, totalItems, bytes, totalBytes }: VerifyProgress): RunProgress {
  const text = texts[phase]
  if (phase === "contents") return { done: bytes, total: totalBytes, unit: "bytes", text }
  return { done: items, total: totalItems, unit: "items", text }
}

serveWork((context, input, ask) => work(context, input as VerifyInput, ask))
