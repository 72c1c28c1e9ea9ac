import { ageOf, type Clock, type KeptCopy, type Moment, type PlaceSpec } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { CheckJson } from "../../http/contract/admin.js"
import { LedgerError } from "../../ledger/index.js"
import { StorageError } from "../../../storage/index.js"
import type { CopyTarget } from "./copy-target.js"

export interface LedgerCopiesParts {
  readonly clock: Clock
  readonly targets: () => readonly CopyTarget[]
  /** Whether everything in a store was listed, so that a copy is worth writing. */
  readonly isListed: (store: StoreEntry) => boolean
  /** Whether the store's filesystem is known not to answer. */
  readonly hangs: (store: string) => boolean
  /** Undefined: nothing is known of the store of this id. */
  readonly copyOf: (sentinel: string, at: number) => Promise<Uint8Array | undefined>
  readonly keep: (store: string, fences: PlaceSpec["fences"], bytes: Uint8Array) => Promise<KeptCopy>
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

interface Problem {
  readonly message: string
  readonly hint: string
}

interface Progress {
  running: Promise<void> | undefined
  triedAt: Moment | undefined
  /** Unix milliseconds at which what lies there was known to be what the ledger says. */
  keptAt: number | undefined
  problem: Problem | undefined
}

const DAY_MS = 86_400_000
const RETRY_MS = 3_600_000
const TICK_MS = 1_000
/** So long the end of the daemon waits for its last copies. */
const LAST_MS = 1_000

/** Keeps a copy of the ledger in each store: soon after its first listing, daily, and when the daemon ends. */
export class LedgerCopies {
  readonly #parts: LedgerCopiesParts
  /** By the id in the store's sentinel. */
  readonly #progress = new Map<string, Progress>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: LedgerCopiesParts) {
    this.#parts = parts
  }

  start(everyMs = TICK_MS): void {
    this.#timer = setInterval(() => {
      this.tick()
    }, everyMs).unref()
  }

  /** Other repositories may be declared now: what is learned of them is copied soon, too. */
  redeclared(): void {
    for (const progress of this.#progress.values()) progress.triedAt = undefined
  }

  /** Begins every copy that is due. */
  tick(): void {
    for (const target of this.#parts.targets())
      if (target.kind === "kept" && this.#isDue(target.store, this.#of(target.sentinel)))
        void this.#begin(target)
  }

  /** Ends the timer and writes what was learned since the last copies, as far as that is quick. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const { targets, isListed, hangs } = this.#parts
    const last = targets().flatMap((target) => {
      const { kind, store } = target
      return kind === "kept" && isListed(store) && !hangs(store.name) ? [this.#begin(target)] : []
    })
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_MS)
    })
    await Promise.race([Promise.all(last), limit])
    clearTimeout(timer)
  }

  /** For the doctor: one for each store. */
  checks(): CheckJson[] {
    return this.#parts.targets().map((target) => {
      const name = `ledger copy in store ${target.store.name}`
      if (target.kind === "none")
        return { name, status: "ok", detail: `none is kept: ${target.why}`, hint: null }
      const { problem, keptAt } = this.#of(target.sentinel)
      if (problem !== undefined) return { name, status: "warn", detail: problem.message, hint: problem.hint }
      const detail =
        keptAt === undefined
          ? "not written yet; it is after the first listing that shows a repository"
          : `up to date at ${new Date(keptAt).toISOString()}`
      return { name, status: "ok", detail, hint: null }
    })
  }

  #of(sentinel: string): Progress {
    const known = this.#progress.get(sentinel)
    if (known !== undefined) return known
    const progress = { running: undefined, triedAt: undefined, keptAt: undefined, problem: undefined }
    this.#progress.set(sentinel, progress)
    return progress
  }

  #isDue(store: StoreEntry, { running, triedAt, problem }: Progress): boolean {
    if (running !== undefined || this.#parts.hangs(store.name)) return false
    if (triedAt === undefined) return this.#parts.isListed(store)
    return ageOf(triedAt, this.#parts.clock.now()) >= (problem === undefined ? DAY_MS : RETRY_MS)
  }

  #begin(target: CopyTarget & { kind: "kept" }): Promise<void> {
    const progress = this.#of(target.sentinel)
    progress.running ??= this.#copy(target, progress).finally(() => {
      progress.running = undefined
    })
    return progress.running
  }

  async #copy({ store, sentinel, fences }: CopyTarget & { kind: "kept" }, progress: Progress): Promise<void> {
    const { clock, copyOf, keep } = this.#parts
    const begun = clock.now()
    progress.triedAt = begun
    try {
      const bytes = await copyOf(sentinel, begun.wall)
      if (bytes === undefined) return
      this.#took(store.name, progress, await keep(store.name, fences, bytes), begun)
    } catch (error) {
      this.#failed(store.name, progress, problemOf(error))
    }
  }

  #took(store: string, progress: Progress, kept: KeptCopy, begun: Moment): void {
    switch (kept.kind) {
      case "kept":
      case "unchanged":
        if (progress.problem !== undefined)
          this.#parts.log.info({ store }, "the copy of the ledger is written again")
        progress.problem = undefined
        progress.keptAt = begun.wall
        return
      case "fenced":
        this.#failed(store, progress, kept.state)
        return
      case "read_only":
        this.#failed(store, progress, {
          message: "the store's filesystem is mounted read-only",
          hint: "Mount it writable, or keep a backup of the state directory elsewhere.",
        })
    }
  }

  /** Said once: it is tried every hour. */
  #failed(store: string, progress: Progress, { message, hint }: Problem): void {
    if (progress.problem?.message !== message) {
      this.#parts.log.warn({ store, why: message }, "no copy of the ledger could be put into the store")
    }
    progress.problem = { message, hint }
  }
}

function problemOf(error: unknown): Problem {
  const hint = error instanceof StorageError || error instanceof LedgerError ? error.hint : undefined
  const message = error instanceof Error ? error.message : String(error)
  return { message, hint: hint ?? "Look at the daemon's log; it is tried again every hour." }
}
