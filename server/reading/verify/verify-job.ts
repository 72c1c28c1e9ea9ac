import { StorageError } from "../../../storage/index.js"
import type { IntegrityRecord, SnapshotKey } from "../../findings/index.js"
import { inThread, type JobContext, type JobKind, type Outcome } from "../../jobs/index.js"
import type { ReadingParts } from "../parts.js"
import { keepReport, tellUnknown } from "./keep-report.js"
import { shortfallOf } from "./verify-outcome.js"
import type { VerifySummary } from "./verify-report.js"
import type { Told, VerifyInput } from "./verify-run.js"

const HOUR_MS = 3_600_000
const STALL_MS = HOUR_MS / 2
/** What a million contents need lies in columns outside this; large directories and lists of damage lie in it. */
const HEAP_MB = 384

/** Whether every snapshot can be restored, by indexes, directories and the places of contents. */
export function verifyJob(parts: ReadingParts): JobKind {
  return {
    ...common,
    name: "verify",
    title: "checks that everything each snapshot needs is there: indexes, directories, places",
    schedule: { cron: "10 1 * * *", zone: "UTC", spreadMs: 3 * HOUR_MS },
    run: (context) => run(parts, context, "reachable"),
  }
}

/** The same, and every content is read that was not within the last 30 days. */
export function verifyDeepJob(parts: ReadingParts): JobKind {
  return {
    ...common,
    name: "verify-deep",
    title: "the same as verify, and reads every content that was not read within 30 days",
    schedule: { cron: "40 4 * * 0", zone: "UTC", spreadMs: 6 * HOUR_MS },
    run: (context) => run(parts, context, "read"),
  }
}

const common = { of: "repository", changing: false, resumable: true, stallMs: STALL_MS } as const

async function run(parts: ReadingParts, context: JobContext, level: VerifyInput["level"]): Promise<Outcome> {
  const { subject, signal } = context
  if (subject.type !== "repository") throw new Error("a verify is of a repository")
  const { place } = subject
  const spec = parts.placeOf(subject)?.spec
  if (spec === undefined) return skipped("not_declared", "it is not declared any more")
  if (spec.password === undefined)
    return skipped("password_missing", "its password is not known; only a scrub can be made of it")
  try {
    const input: VerifyInput = { spec, level, stateDirectory: parts.stateDirectory }
    const found = await inItsThread(input, context)
    const { summary, outcome } = found
    if (!parts.isPinned(place, summary.repositoryId))
      return skipped("repository_changed", "another repository than the pinned one lies there")
    await keepReport(parts, spec, found)
    const shortfall = shortfallOf(summary)
    if (shortfall !== undefined) throw new Shortfall(shortfall)
    return outcome
  } catch (error) {
    if (error instanceof Shortfall) throw error.cause
    if (error instanceof StorageError || isStall(signal))
      tellUnknown(parts, place, level === "read", error instanceof Error ? error.message : String(error))
    throw error
  }
}

/** Everything was looked at and told, and yet not all is known. */
class Shortfall extends Error {
  override readonly cause: StorageError

  constructor(cause: StorageError) {
    super(cause.message)
    this.cause = cause
  }
}

async function inItsThread(
  input: VerifyInput,
  context: JobContext,
): Promise<{
  readonly outcome: Outcome
  readonly records: readonly IntegrityRecord[]
  readonly keys: readonly SnapshotKey[]
  readonly summary: VerifySummary
}> {
  const records: IntegrityRecord[] = []
  const keys: SnapshotKey[] = []
  let summary: VerifySummary | undefined
  const answer = (question: unknown): void => {
    const told = question as Told
    if ("records" in told) records.push(...told.records)
    else if ("keys" in told) keys.push(...told.keys)
    else summary = told.summary
  }
  try {
    const entry = new URL("./verify-run.js", import.meta.url)
    const outcome = await inThread(entry, input, context, { heapMb: HEAP_MB, answer })
    if (summary === undefined) throw new Error("a verify ended without a word")
    return { outcome, records, keys, summary }
  } catch (error) {
    throw isOutOfMemory(error) ? tooLarge(error) : error
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY"
}

function tooLarge(cause: unknown): StorageError {
  return new StorageError("unsupported", `to verify it takes more than ${HEAP_MB} MB of memory`, {
    hint: "Something in it is out of all proportion: look at it with `cistern verify --at`.",
    cause,
  })
}

function isStall(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason
  const cause = reason instanceof Error ? (reason.cause as { code?: unknown } | undefined) : undefined
  return cause?.code === "stalled"
}

function skipped(reason: string, message: string): Outcome {
  return { outcome: "skipped", reason, message }
}
