import type { Clock } from "../catalog/index.js"
import type { JobMemory, Runs } from "../db/index.js"
import type { RunTiming } from "./active-run.js"
import type { JobKind, JobSubject, SubjectType } from "./kind.js"
import type { RunLimits } from "./leases.js"
import { type QuietHours, quietUntil } from "./quiet-hours.js"
import { RunBook } from "./run-book.js"
import { RunLogs } from "./run-log.js"
import { Runner, type RunnerLog, type RunnerParts } from "./runner.js"
import type { DeclaredSchedule } from "./schedule-plan.js"
import { Scheduler } from "./scheduler.js"

export interface JobsParts {
  readonly stateDirectory: string
  readonly kinds: (parts: { readonly runs: Runs; readonly logs: RunLogs }) => readonly JobKind[]
  readonly runs: Runs
  readonly memory: JobMemory
  readonly clock: Clock
  /** What there is to work on now. */
  readonly subjects: (type: SubjectType) => readonly JobSubject[]
  readonly isDeclared: RunnerParts["isDeclared"]
  readonly diskOf: RunnerParts["diskOf"]
  /** Who writes there now, as a phrase. */
  readonly moverAt: (subject: JobSubject) => string | undefined
  readonly schedules: () => readonly DeclaredSchedule[]
  readonly quiet: () => QuietHours | undefined
  readonly ended?: RunnerParts["ended"]
  readonly limits?: RunLimits
  readonly timing?: RunTiming
  readonly log: RunnerLog
}

/** Everything that the daemon does by itself or when somebody asks: the kinds of jobs, their schedules and their runs. */
export class Jobs {
  readonly kinds: ReadonlyMap<string, JobKind>
  readonly runner: Runner
  readonly scheduler: Scheduler
  readonly book: RunBook
  readonly logs: RunLogs
  readonly memory: JobMemory
  readonly #parts: JobsParts

  constructor(parts: JobsParts) {
    this.#parts = parts
    const { clock, runs, memory } = parts
    const now = (): number => clock.now().wall
    this.memory = memory
    this.logs = new RunLogs(parts.stateDirectory)
    const kinds = parts.kinds({ runs, logs: this.logs })
    this.kinds = new Map(kinds.map((kind) => [kind.name, kind]))
    this.book = new RunBook({ runs, memory, now })
    this.runner = new Runner({
      ...parts,
      kinds: this.kinds,
      book: this.book,
      logs: this.logs,
      now,
      ended: parts.ended ?? (() => undefined),
      standBack: (subject, asked, besideMovers) => {
        if (!asked && this.quietUntil() !== undefined) return "quiet hours"
        return besideMovers ? undefined : parts.moverAt(subject)
      },
    })
    this.scheduler = new Scheduler({
      ...parts,
      kinds,
      transaction: (work) => runs.transaction(work),
      submit: (requests) => {
        this.runner.submit(requests)
      },
      ticked: () => {
        this.runner.poke()
      },
    })
  }

  get subjects(): JobsParts["subjects"] {
    return this.#parts.subjects
  }

  /** Unix milliseconds of the end of the quiet hours that hold now. */
  quietUntil(): number | undefined {
    return quietUntil(this.#parts.quiet(), this.#parts.clock.now().wall)
  }

  start(): void {
    this.runner.recover()
    this.scheduler.start()
  }

  /** Another document is kept. */
  redeclared(): void {
    this.scheduler.redeclared()
    this.runner.redeclared()
  }

  /** False: a run did not end and is left behind. */
  stop(): Promise<boolean> {
    this.scheduler.stop()
    return this.runner.stop()
  }
}
