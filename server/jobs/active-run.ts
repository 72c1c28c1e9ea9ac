import { setTimeout as delay } from "node:timers/promises"
import type { JobContext, JobKind, JobSubject, RunProgress } from "./kind.js"
import type { RunLog } from "./run-log.js"
import {
  type AbortCause,
  RunAborted,
  type Verdict,
  verdictOf,
  verdictOfAbort,
  verdictOfError,
} from "./verdict.js"

export interface ActiveRunParts {
  readonly id: string
  readonly kind: JobKind
  readonly subject: JobSubject
  readonly log: RunLog
  readonly checkpoint: JobContext["checkpoint"]
  /** Why it must stand back now, as a phrase. */
  readonly standBack: () => string | undefined
  readonly timing: RunTiming
}

export interface RunTiming {
  /** So long a run may go on after it was told to end; then it is told `interrupted` all the same. */
  readonly hardLimitMs: number
  /** How often it is looked whether the reason to stand back is gone. */
  readonly standBackMs: number
  /** So long altogether a run that only reads waits for movers. */
  readonly moverPatienceMs: number
}

export const usualTiming: RunTiming = {
  hardLimitMs: 10_000,
  standBackMs: 2_000,
  moverPatienceMs: 2 * 3_600_000,
}

/** Most checks whether a silent run is stalled. */
const STALL_CHECKS = 10

/** One execution of a job's work. */
export class ActiveRun {
  readonly #parts: ActiveRunParts
  readonly #controller = new AbortController()
  readonly #work: Promise<{ readonly verdict: Verdict; readonly error?: unknown }>
  #aborted: AbortCause | undefined
  #tellOverdue: (verdict: Verdict) => void = () => undefined
  #overdue: NodeJS.Timeout | undefined
  #signAt = performance.now()
  #standingBack: Promise<void> | undefined
  progress: RunProgress | undefined
  /** Why it stands back, while it does. */
  standing: string | undefined
  /** It has its outcome, and has not ended. */
  lingers = false
  /** Its outcome and what it threw, once: when its work ended, or the hard limit after it was told to end has passed. */
  readonly told: Promise<{ readonly verdict: Verdict; readonly error?: unknown }>
  /** When its work has really ended. Never rejects. */
  readonly ended: Promise<void>

  constructor(parts: ActiveRunParts) {
    this.#parts = parts
    this.#work = this.#execute()
    const overdue = new Promise<{ verdict: Verdict }>((resolve) => {
      this.#tellOverdue = (verdict) => {
        resolve({ verdict })
      }
    })
    const watch = this.#watchStall()
    this.ended = this.#work.then(() => {
      clearTimeout(this.#overdue)
      clearInterval(watch)
    })
    this.told = Promise.race([this.#work, overdue])
  }

  get kind(): JobKind {
    return this.#parts.kind
  }

  get log(): RunLog {
    return this.#parts.log
  }

  /** The first cause counts. */
  abort(cause: AbortCause): void {
    if (this.#aborted !== undefined) return
    this.#aborted = cause
    this.log.write("warn", cause.message)
    this.#overdue = setTimeout(() => {
      this.lingers = true
      const verdict = verdictOfAbort(cause)
      const message = `${cause.message}; it has not ended yet, and keeps others off until it does`
      this.#tellOverdue({ ...verdict, message })
    }, this.#parts.timing.hardLimitMs)
    this.#controller.abort(new RunAborted(cause))
  }

  async #execute(): Promise<{ verdict: Verdict; error?: unknown }> {
    try {
      return { verdict: verdictOf(await this.#parts.kind.run(this.#context())) }
    } catch (error) {
      return { verdict: verdictOfError(error, this.#aborted), error }
    }
  }

  #context(): JobContext {
    const { id, subject, log, checkpoint } = this.#parts
    return {
      run: id,
      subject,
      checkpoint,
      signal: this.#controller.signal,
      progress: (progress) => {
        this.#signAt = performance.now()
        this.progress = progress
      },
      log: (message, facts, level = "info") => {
        this.#signAt = performance.now()
        log.write(level, message, facts)
      },
      standBack: () => this.#standBack(),
    }
  }

  /** Several workers of one run stand back together. */
  async #standBack(): Promise<void> {
    this.#controller.signal.throwIfAborted()
    if (this.#standingBack === undefined) {
      const why = this.#parts.standBack()
      if (why === undefined) return
      this.#standingBack = this.#untilFree(why).finally(() => {
        this.#standingBack = undefined
      })
    }
    await this.#standingBack
  }

  async #untilFree(first: string): Promise<void> {
    const { signal } = this.#controller
    const { standBack, timing, log } = this.#parts
    let why: string | undefined = first
    log.write("info", `stands back: ${why}`)
    try {
      while (why !== undefined) {
        this.standing = why
        await delay(timing.standBackMs, undefined, { signal }).catch(() => undefined)
        signal.throwIfAborted()
        why = standBack()
      }
      log.write("info", "goes on")
    } finally {
      this.standing = undefined
      this.#signAt = performance.now()
    }
  }

  #watchStall(): NodeJS.Timeout | undefined {
    const { stallMs } = this.#parts.kind
    if (stallMs === undefined) return undefined
    return setInterval(() => {
      if (this.standing !== undefined || performance.now() - this.#signAt < stallMs) return
      this.abort({
        code: "stalled",
        message: `it showed no progress for ${Math.round(stallMs / 1000)} seconds`,
      })
    }, stallMs / STALL_CHECKS).unref()
  }
}
