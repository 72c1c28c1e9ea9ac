import { moverUserName } from "../../storage/identity/index.js"
import { type Asked, AskedTable, type DecisionWord, type StateDatabase, type VolumeKey } from "../db/index.js"
import { volumeName } from "./volume-name.js"
import type { WriteHealth } from "./write-health.js"

/**
 * A name that the mover alters is never forgotten: the backups themselves are under a name that another volume may have, and
 * that this one may have written them is remembered here and nowhere else.
 */
function isOnlyWitness({ pvc }: Asked): boolean {
  return moverUserName(pvc).altered
}

const FORGET_AFTER_MS = 30 * 86_400_000
/** A cluster that asks for ever new names must not fill our memory; beyond this, new names are answered and not noted. */
const MOST_VOLUMES = 100_000

/** What clusters asked for. Asking is frequent and of little weight, so it is written every few seconds, not each time. */
export class AskedVolumes {
  readonly #table
  readonly #health
  readonly #volumes = new Map<string, Asked>()
  readonly #unsaved = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(database: StateDatabase, health: WriteHealth) {
    this.#table = new AskedTable(database.connection)
    this.#health = health
    for (const asked of this.#table.all()) this.#volumes.set(volumeName(asked), asked)
  }

  note(volume: VolumeKey, decision: DecisionWord, at: number): void {
    const name = volumeName(volume)
    const before = this.#volumes.get(name)
    if (before === undefined && this.#volumes.size >= MOST_VOLUMES) return
    this.#volumes.set(name, {
      cluster: volume.cluster,
      namespace: volume.namespace,
      pvc: volume.pvc,
      firstAsked: before?.firstAsked ?? at,
      lastAsked: Math.max(at, before?.lastAsked ?? at),
      count: (before?.count ?? 0) + 1,
      lastDecision: decision,
    })
    this.#unsaved.add(name)
  }

  all(): Asked[] {
    return [...this.#volumes.values()]
  }

  start(everyMs = 5_000): void {
    this.#timer = setInterval(() => {
      this.flush(Date.now())
    }, everyMs).unref()
  }

  /** Ends the timer and writes what is left. */
  stop(): void {
    clearInterval(this.#timer)
    this.flush(Date.now())
  }

  /** Writes what was noted and forgets the plain names that nobody asked for in 30 days. */
  flush(now: number): void {
    const forgotten = this.all().filter(
      (asked) => asked.lastAsked < now - FORGET_AFTER_MS && !isOnlyWitness(asked),
    )
    for (const asked of forgotten) this.#volumes.delete(volumeName(asked))
    const rows = [...this.#unsaved].flatMap((name) => this.#volumes.get(name) ?? [])
    if (rows.length === 0 && forgotten.length === 0) return
    const saved = this.#health.attempt(() => {
      this.#table.put(rows)
      if (forgotten.length > 0) this.#table.forget(forgotten)
    })
    if (saved) this.#unsaved.clear()
  }
}
