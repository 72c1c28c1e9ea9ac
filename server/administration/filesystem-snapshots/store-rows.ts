import { StorageError } from "../../../storage/index.js"
import type { Clock } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { SnapshotStoreJson } from "../../http/contract/filesystem-snapshots.js"
import { HttpError } from "../../http/index.js"
import { soon } from "../soon.js"
import { nextDue, scheduleText } from "./schedule.js"
import type { SnapshotKeeper } from "./snapshot-keeper.js"
import { rowsOf } from "./snapshot-rows.js"
import type { SourceLook } from "./snapshot-source.js"
import type { SnapshotSources } from "./snapshot-sources.js"

export interface SnapshotStoreRowsParts {
  readonly sources: SnapshotSources
  readonly snapshotKeeper: SnapshotKeeper
  readonly clock: Clock
}

/** What is shown of each store's filesystem snapshots. */
export class SnapshotStoreRows {
  readonly #parts: SnapshotStoreRowsParts
  /** Looks that took longer than somebody waited: whoever asks next gets what they found. */
  readonly #late = new Map<string, Promise<SourceLook>>()

  constructor(parts: SnapshotStoreRowsParts) {
    this.#parts = parts
  }

  async row(store: StoreEntry): Promise<SnapshotStoreJson> {
    const nothing = { store: store.name, by: null, trees: [], snapshots: [] }
    const schedule = this.#scheduleOf(store)
    try {
      const looking = this.#late.get(store.name) ?? this.#parts.sources.of(store).look()
      this.#late.delete(store.name)
      const look = await soonOrThrow(looking)
      if (look === undefined) {
        this.#late.set(store.name, looking)
        const message = `Store ${store.name} has not told of its filesystem snapshots yet.`
        return {
          ...nothing,
          schedule,
          problem: { code: "no_answer_yet", message, hint: "Ask again in a while." },
        }
      }
      return {
        store: store.name,
        by: look.by ?? null,
        trees: look.trees.map(({ of, possible, message, hint, notices }) => ({
          of,
          possible,
          message: message ?? null,
          hint: hint ?? null,
          notices: [...notices],
        })),
        schedule,
        problem: null,
        snapshots: rowsOf(store.name, look.trees),
      }
    } catch (error) {
      if (!(error instanceof StorageError) && !(error instanceof HttpError)) throw error
      const { code, message, hint } = error
      return { ...nothing, schedule, problem: { code, message, hint: hint ?? null } }
    }
  }

  #scheduleOf(store: StoreEntry): SnapshotStoreJson["schedule"] {
    const entry = store.filesystemSnapshots
    if (entry === undefined) return null
    const last = this.#parts.snapshotKeeper.lastRun(store)
    return {
      schedule: scheduleText(entry.schedule),
      nextAt: iso(nextDue(entry.schedule, store.name, this.#parts.clock.now().wall)),
      last:
        last === undefined
          ? null
          : {
              at: iso(last.at),
              outcome: last.outcome,
              detail: last.detail ?? null,
              made: [...last.made],
              removed: [...last.removed],
            },
      madeAt: last?.madeAt === undefined ? null : iso(last.madeAt),
    }
  }
}

/** Undefined where the answer is late; what fails in time is thrown. */
async function soonOrThrow<T>(promise: Promise<T>): Promise<T | undefined> {
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const first = await soon(settled)
  if (first === undefined) return undefined
  if ("error" in first) throw first.error
  return first.value
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
