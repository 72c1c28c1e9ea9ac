import { StorageError } from "../../../storage/index.js"
import type { Clock, Moment } from "../../catalog/index.js"
import type { FilesystemSnapshotsEntry, StoreEntry } from "../../config/index.js"
import type { SnapshotRun, SnapshotRuns } from "../../db/index.js"
import { HttpError } from "../../http/index.js"
import type { Runs } from "../directories/runs.js"
import { soon } from "../soon.js"
import { verdictsOf } from "./retention.js"
import { lastDue } from "./schedule.js"
import type { SnapshotSource } from "./snapshot-source.js"

export interface SnapshotKeeperParts {
  readonly clock: Clock
  readonly stores: () => readonly StoreEntry[]
  /** What its runs are remembered under: the id in its sentinel, else its name. */
  readonly keyOf: (store: StoreEntry) => string
  readonly sourceOf: (store: StoreEntry) => SnapshotSource
  readonly runs: SnapshotRuns
  /** What changes a store takes turns by these. */
  readonly turns: Pick<Runs, "alone">
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** What came of one run, before it is remembered. */
interface Outcome {
  readonly outcome: SnapshotRun["outcome"]
  readonly detail: string | undefined
  readonly made: readonly string[]
  readonly removed: readonly string[]
  readonly isMade: boolean
}

export const SCHEDULED = "scheduled"
const TICK_MS = 1_000
/** What failed or was skipped is tried again after so long, until it is time for the next one anyway. */
const RETRY_MS = 300_000
/** A last run that lies further ahead was noted by a clock that was wrong. */
const AHEAD_MS = 600_000

/** Makes filesystem snapshots of each store by its schedule, and removes those that its rules do not keep. */
export class SnapshotKeeper {
  readonly #parts: SnapshotKeeperParts
  #timer: NodeJS.Timeout | undefined
  /** By what they are remembered under. */
  readonly #running = new Map<string, Promise<void>>()
  #stopped = false
  /** When a store's run was tried last, by what it is remembered under. */
  readonly #tried = new Map<string, Moment>()

  constructor(parts: SnapshotKeeperParts) {
    this.#parts = parts
  }

  start(everyMs = TICK_MS): void {
    this.#timer = setInterval(() => void this.tick(), everyMs).unref()
  }

  /** None begins any more. Waits for what is under way, though not for long: a store may hang. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped = true
    await soon(Promise.all(this.#running.values()))
  }

  /** Makes what is due, never two of a store at once, and waits for what is under way. */
  async tick(): Promise<void> {
    for (const store of this.#parts.stores()) {
      const { filesystemSnapshots: entry } = store
      const key = this.#parts.keyOf(store)
      if (entry === undefined || this.#stopped || this.#running.has(key)) continue
      const run = this.#makeDue(store, entry).finally(() => {
        this.#running.delete(key)
      })
      this.#running.set(key, run)
    }
    await Promise.all(this.#running.values())
  }

  /** What came of a store's last run. */
  lastRun(store: StoreEntry): SnapshotRun | undefined {
    return this.#parts.runs.get(this.#parts.keyOf(store))
  }

  async #makeDue(store: StoreEntry, entry: FilesystemSnapshotsEntry): Promise<void> {
    try {
      const dueAt = this.#dueAt(store, entry)
      if (dueAt !== undefined) await this.#make(store, entry, dueAt)
    } catch (error) {
      this.#tried.set(this.#parts.keyOf(store), this.#parts.clock.now())
      const message = "a scheduled filesystem snapshot could not be kept track of"
      this.#parts.log.warn({ store: store.name, err: error }, message)
    }
  }

  /** The time of the schedule for which nothing was made yet; undefined: there is none, or it is not to be tried again yet. */
  #dueAt(store: StoreEntry, { schedule }: FilesystemSnapshotsEntry): number | undefined {
    const now = this.#parts.clock.now()
    const due = lastDue(schedule, store.name, now.wall)
    const last = this.lastRun(store)
    const believed = last === undefined || last.at > now.wall + AHEAD_MS ? undefined : last
    if (believed?.outcome === "ok" && believed.dueAt >= due) return undefined
    const tried = this.#tried.get(this.#parts.keyOf(store))
    if (tried !== undefined && now.mono - tried.mono < RETRY_MS && (believed?.dueAt ?? due) >= due)
      return undefined
    return due
  }

  async #make(store: StoreEntry, entry: FilesystemSnapshotsEntry, dueAt: number): Promise<void> {
    const { clock, keyOf, turns, runs } = this.#parts
    const key = keyOf(store)
    const now = clock.now()
    let outcome: Outcome
    try {
      outcome = await turns.alone(store.name, () => this.#run(store, entry, new Date(now.wall)))
    } catch (error) {
      // Something else changes the store just now: its turn comes.
      if (error instanceof HttpError && error.code === "busy") return
      outcome = nothingMade(error)
    }
    this.#tried.set(key, now)
    const before = runs.get(key)
    const { isMade, ...said } = outcome
    runs.put(key, { ...said, dueAt, at: now.wall, madeAt: isMade ? now.wall : before?.madeAt })
    this.#tell(store, outcome, before)
  }

  async #run(store: StoreEntry, entry: FilesystemSnapshotsEntry, now: Date): Promise<Outcome> {
    const source = this.#parts.sourceOf(store)
    const results = await source.make({ reason: SCHEDULED, now })
    const made = results.flatMap((one) => (one.kind === "made" ? [one.snapshot.name] : []))
    const problems = results.flatMap((one) =>
      one.kind === "failed" ? [`${one.of}: ${one.error.message}`] : [],
    )
    const removed: string[] = []
    if (made.length > 0) {
      const { trees } = await source.look()
      for (const { tree, verdicts } of verdictsOf(trees, entry.keep, now))
        for (const { snapshot, reasons } of verdicts.remove) {
          try {
            await source.remove({ of: tree.of, name: snapshot.name })
            removed.push(snapshot.name)
            this.#parts.log.info(
              { store: store.name, of: tree.of, name: snapshot.name, reasons },
              "filesystem snapshot removed",
            )
          } catch (error) {
            if (!(error instanceof StorageError) && !(error instanceof HttpError)) throw error
            problems.push(`${snapshot.name} could not be removed: ${error.message}`)
          }
        }
    }
    const isMade = results.length > 0 && results.every(({ kind }) => kind === "made")
    const detail = problems.length === 0 ? undefined : problems.join("; ")
    return { outcome: detail === undefined ? "ok" : "failed", detail, made, removed, isMade }
  }

  /** What repeats itself is said once. */
  #tell(
    { name }: StoreEntry,
    { outcome, detail, made, removed }: Outcome,
    before: SnapshotRun | undefined,
  ): void {
    const { log } = this.#parts
    if (outcome === "ok") log.info({ store: name, made, removed }, "scheduled filesystem snapshot made")
    else if (before?.outcome !== outcome || before.detail !== detail || made.length > 0)
      log.warn(
        { store: name, outcome, why: detail, made },
        "scheduled filesystem snapshot not as it should be",
      )
  }
}

/** A store that is not there or does not answer is skipped, all else failed. */
function nothingMade(error: unknown): Outcome {
  const known = error instanceof StorageError || error instanceof HttpError
  if (!known && !(error instanceof Error)) throw error
  const skipped =
    (error instanceof StorageError && "fence" in error.facts) ||
    (error instanceof HttpError && (error.code === "store_hangs" || error.code === "store_unknown"))
  const detail = error.message
  return { outcome: skipped ? "skipped" : "failed", detail, made: [], removed: [], isMade: false }
}
