import type { Clock } from "../catalog/index.js"
import { DatabaseError } from "../db/index.js"
import type { Fact, Subject } from "./finding.js"
import type { Findings } from "./findings.js"
import type { Looks } from "./looks.js"

/** What a source found in one scope, or why it could not look. */
export type ScopeReport =
  | {
      readonly scope: string
      readonly facts: readonly Fact[]
      readonly unsure?: { readonly subjects: readonly Subject[]; readonly why: string }
    }
  | { readonly scope: string; readonly unknown: string }

/** Where facts come from. It looks at what the daemon knows, or at what others look at, and touches no disk itself. */
export interface FindingSource {
  readonly name: string
  readonly everyMs: number
  /** All of its scopes. Undefined: nothing changed since the last look. Throws what keeps it from looking at all. */
  look(): Promise<readonly ScopeReport[] | undefined> | readonly ScopeReport[] | undefined
}

export interface FindingKeeperParts {
  readonly findings: Findings
  readonly looks: Looks
  readonly sources: readonly FindingSource[]
  readonly clock: Clock
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

const TICK_MS = 5_000
const SAVE_MS = 3_600_000
/** After this a look that does not come back is said to be one. */
const PATIENCE_MS = 120_000

interface Turn {
  /** Milliseconds of the monotonic clock. */
  begun: number
  running: Promise<void> | undefined
}

/** Has every source look in its rhythm, and keeps what they tell. */
export class FindingKeeper {
  readonly #parts: FindingKeeperParts
  readonly #turns = new Map<FindingSource, Turn>()
  #timer: NodeJS.Timeout | undefined
  #savedAt: number
  #fault: string | undefined
  #stopped = false

  constructor(parts: FindingKeeperParts) {
    this.#parts = parts
    this.#savedAt = parts.clock.now().mono
  }

  start(everyMs = TICK_MS): void {
    this.#timer ??= setInterval(() => {
      this.tick()
    }, everyMs).unref()
  }

  /** What is under way is left behind: it may wait for a store that hangs. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#stopped = true
    this.#attempt(() => {
      this.#parts.findings.save()
    })
  }

  /** Has those look whose time it is. */
  tick(): void {
    const { sources, clock, findings } = this.#parts
    const now = clock.now().mono
    for (const source of sources) {
      const turn = this.#turns.get(source)
      if (turn?.running !== undefined) {
        if (now - turn.begun >= PATIENCE_MS) this.#unknown(source, "it has not answered for minutes")
      } else if (turn === undefined || now - turn.begun >= source.everyMs) void this.#look(source, now)
    }
    this.#attempt(() => {
      findings.expire()
      if (now - this.#savedAt < SAVE_MS) return
      this.#savedAt = now
      findings.save()
    })
  }

  /** Has these sources look at once: something happened that they tell of. One that is looking just now looks once more. */
  hasten(...names: readonly string[]): void {
    for (const source of this.#parts.sources.filter(({ name }) => names.includes(name))) {
      void (this.#turns.get(source)?.running ?? Promise.resolve()).then(async () => {
        if (!this.#stopped) await this.#look(source, this.#parts.clock.now().mono)
      })
    }
  }

  /** Has every source look now, and waits for all. */
  async lookNow(): Promise<void> {
    const now = this.#parts.clock.now().mono
    await Promise.all(this.#parts.sources.map((source) => this.#look(source, now)))
  }

  #look(source: FindingSource, now: number): Promise<void> {
    const running = this.#lookAndTell(source).finally(() => {
      const turn = this.#turns.get(source)
      if (turn?.running === running) turn.running = undefined
    })
    this.#turns.set(source, { begun: now, running })
    return running
  }

  async #lookAndTell(source: FindingSource): Promise<void> {
    let reports: readonly ScopeReport[] | undefined
    try {
      reports = await source.look()
    } catch (error) {
      if (!this.#stopped) this.#unknown(source, error instanceof Error ? error.message : String(error))
      return
    }
    // The database is closed by then.
    if (reports === undefined || this.#stopped) return
    const { findings } = this.#parts
    const { name } = source
    for (const report of reports) {
      const looked = { source: name, scope: report.scope }
      this.#attempt(() => {
        if ("unknown" in report) findings.couldNotLook(looked, report.unknown)
        else
          findings.report(looked, report.facts, report.unsure === undefined ? {} : { unsure: report.unsure })
      })
    }
    this.#attempt(() => {
      findings.onlyScopes(
        name,
        reports.map(({ scope }) => scope),
      )
    })
  }

  /** Of no scope of the source anything is known now. */
  #unknown({ name }: FindingSource, why: string): void {
    const { findings, looks } = this.#parts
    const scopes = looks.all().flatMap(({ source, scope }) => (source === name ? [scope] : []))
    for (const scope of scopes.length === 0 ? ["all"] : scopes)
      findings.couldNotLook({ source: name, scope }, why)
  }

  /** What cannot be written on a full disk is found again with the next look. */
  #attempt(work: () => void): void {
    try {
      work()
      this.#fault = undefined
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      if (this.#fault !== error.message) this.#parts.log.warn({ err: error }, "findings could not be written")
      this.#fault = error.message
    }
  }
}
