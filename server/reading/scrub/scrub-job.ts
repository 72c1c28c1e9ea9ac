import { StorageError } from "../../../storage/index.js"
import { inThread } from "../../jobs/index.js"
import type { JobContext, JobKind, Outcome } from "../../jobs/kind.js"
import type { ReadingParts, RepositorySubject } from "../parts.js"
import type { ScrubFound, ScrubInput } from "./found.js"
import { LedgerGate } from "./ledger-gate.js"
import { scrubFacts } from "./scrub-facts.js"
import { scrubSettings } from "./settings.js"
import { tellIntegrity } from "./tell-integrity.js"

const SOURCE = "scrub"
/** Listing a million files of a sleeping disk shows nothing for minutes. */
const STALL_MS = 30 * 60_000
const HEAP_MB = 2048

export type ScrubParts = Pick<
  ReadingParts,
  "stateDirectory" | "clock" | "document" | "placeOf" | "volumesOf" | "volumesIn" | "findings" | "integrity"
>

/** Reads what is new of each repository and a share of all else, every hour, and tells what has rotted. */
export function scrubJob(parts: ScrubParts): JobKind {
  const gate = new LedgerGate()
  return {
    name: "scrub",
    title: "reads what is new in a repository and a share of everything else, and finds what has rotted",
    of: "repository",
    changing: false,
    resumable: true,
    schedule: { cron: "0 * * * *", zone: "UTC", spreadMs: 3_600_000 },
    stallMs: STALL_MS,
    run: (context) => runScrub(context, parts, gate),
  }
}

async function runScrub(context: JobContext, parts: ScrubParts, gate: LedgerGate): Promise<Outcome> {
  const { subject, run, signal } = context
  if (subject.type !== "repository") throw new Error("a scrub is of a repository")
  const { findings, integrity, clock } = parts
  const read = parts.placeOf(subject)
  if (read === undefined) {
    return { outcome: "skipped", reason: "not_declared", message: `${subject.path} is not declared any more` }
  }
  const { spec, entry } = read
  const looked = { source: SOURCE, scope: subject.place }
  const found = await gate
    .enter((ledger, opened) => {
      const settings = scrubSettings(parts.document(), entry)
      const input: ScrubInput = { stateDirectory: parts.stateDirectory, spec, settings, ledger }
      const told: JobContext = {
        ...context,
        progress: (progress) => {
          opened()
          context.progress(progress)
        },
      }
      return inThread<ScrubFound>(new URL("./scrub-run.js", import.meta.url), input, told, {
        heapMb: HEAP_MB,
      })
    })
    .catch((error: unknown) => {
      if (!signal.aborted)
        findings.couldNotLook(looked, error instanceof StorageError ? error.message : "the scrub failed")
      throw error
    })
  signal.throwIfAborted()
  const at = clock.now().wall
  const { withdrawn } = await tellIntegrity(found.cost, found.damaged, {
    integrity,
    place: subject.place,
    run,
    at,
  })
  const facts = scrubFacts(found, {
    subject,
    directory: spec.directory,
    volumesIn: () => parts.volumesIn(subject.place),
    volumesOf: (identity) => parts.volumesOf(subject.place, identity),
    now: at,
  })
  findings.report(looked, facts, { settleMs: 0 })
  tellLog(context, found, withdrawn)
  return outcomeOf(subject, found)
}

function tellLog(context: JobContext, { damaged, cost, ledgerLost }: ScrubFound, withdrawn: number): void {
  const log: JobContext["log"] = (message, facts, level) => {
    context.log(message, facts, level)
  }
  for (const { blob, code } of damaged.slice(0, 100)) log("damaged", { file: blob, code }, "error")
  if (cost.kind === "untold")
    log("what the damage costs could not be told", { code: cost.code, why: cost.why }, "warn")
  if (cost.kind === "told")
    log(
      "what the damage costs",
      { snapshots: cost.snapshots.length },
      cost.snapshots.length > 0 ? "error" : "warn",
    )
  if (withdrawn > 0) log("snapshots are whole again", { snapshots: withdrawn })
  if (ledgerLost !== undefined)
    log("an earlier ledger was damaged and is kept aside", { file: ledgerLost.file }, "warn")
}

/** What is odd and no damage is a finding, and not one of the run. */
function outcomeOf({ store, path }: RepositorySubject, found: ScrubFound): Outcome {
  const { damaged, unread, diskFails, cost, engine, figures } = found
  const { bytes, seconds } = figures
  const facts = {
    engine,
    damaged: damaged.length,
    unread: unread.length,
    ...figures,
    seconds: Math.round(seconds * 10) / 10,
    bytesPerSecond: seconds > 0 ? Math.round(bytes / seconds) : 0,
    ...(cost.kind === "told" ? { snapshotsDamaged: cost.snapshots.length } : {}),
    ...(cost.kind === "untold" ? { impactUnknown: cost.code } : {}),
  }
  const message = diskFails
    ? `one file after the other of ${store}:${path} cannot be read`
    : damaged.length > 0
      ? `${damaged.length} ${damaged.length === 1 ? "file is" : "files are"} damaged`
      : unread.length > 0
        ? `${unread.length} ${unread.length === 1 ? "file" : "files"} could not be read`
        : undefined
  return message === undefined ? { outcome: "ok", facts } : { outcome: "findings", message, facts }
}
