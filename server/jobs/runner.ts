import type { RunRow } from "../db/index.js"
import { ActiveRun, type RunTiming, usualTiming } from "./active-run.js"
import { type JobKind, type JobSubject, subjectKey, subjectText } from "./kind.js"
import { type Blocked, type Lease, Leases, type RunLimits, usualLimits } from "./leases.js"
import { MoverPatience } from "./mover-patience.js"
import { retryPause } from "./retry.js"
import type { RunBook } from "./run-book.js"
import { RunIds } from "./run-ids.js"
import type { RunLogs } from "./run-log.js"
import { endOf, newRow, type RunRequest, subjectOf } from "./run-rows.js"
import type { AbortCause, Verdict } from "./verdict.js"
import { type Waiting, WaitingLine } from "./waiting-line.js"

export interface RunnerParts {
  readonly kinds: ReadonlyMap<string, JobKind>
  readonly book: RunBook
  readonly logs: RunLogs
  /** Unix milliseconds. */
  readonly now: () => number
  /** What a subject's work keeps busy; undefined: nothing that others use. */
  readonly diskOf: (subject: JobSubject) => string | undefined
  /** Why work on it must not begin, or go on, at this moment. `asked`: somebody wants it now; `besideMovers`: they are no reason. */
  readonly standBack: (subject: JobSubject, asked: boolean, besideMovers: boolean) => string | undefined
  readonly isDeclared: (subject: JobSubject) => boolean
  readonly ended: (kind: string, outcome: Verdict["outcome"], row: RunRow) => void
  readonly limits?: RunLimits
  readonly timing?: RunTiming
  readonly log: RunnerLog
}

export interface RunnerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

interface Entry extends Waiting {
  readonly row: RunRow
  readonly lease: Lease
  readonly patience: MoverPatience
}

/** A run that waits or is under way. */
export interface LiveRun {
  readonly row: RunRow
  /** Why it waits for its turn, or stands back. */
  readonly waitsFor: string | undefined
  /** Undefined while it waits. */
  readonly active: ActiveRun | undefined
}

/** A run that ends the daemon each time it is continued is left alone after so many. */
const MOST_ATTEMPTS = 5

/** One queue for all work. Every run that began gets exactly one outcome, and two that change one repository never meet. */
export class Runner {
  readonly #parts: RunnerParts
  readonly #leases: Leases
  readonly #ids: RunIds
  readonly #line = new WaitingLine<Entry>()
  readonly #active = new Map<string, { readonly row: RunRow; readonly run: ActiveRun }>()
  readonly #retries = new Map<string, NodeJS.Timeout>()
  /** Outcomes that the state database did not take yet. */
  readonly #untold = new Map<string, () => void>()
  #stopping = false

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.#leases = new Leases(parts.limits ?? usualLimits)
    this.#ids = new RunIds(parts.book.newestId())
  }

  /** Gives what the last daemon left unfinished its outcome, and starts again what can go on. */
  recover(): void {
    const { book, kinds, now, log } = this.#parts
    for (const row of book.open()) {
      const resumable = kinds.get(row.kind)?.resumable === true
      const crashed: Verdict = {
        outcome: "interrupted",
        reason: "crashed",
        message: "the daemon ended in the middle of it",
        facts: null,
      }
      const waited: Verdict = {
        outcome: "skipped",
        reason: "not_begun",
        message: "the daemon ended before its turn",
        facts: null,
      }
      const again = row.startedAt === null || (resumable && row.attempt < MOST_ATTEMPTS)
      book.ended(row, endOf(row.startedAt === null ? waited : crashed, undefined, now(), again))
      log.warn({ run: row.id, kind: row.kind, again }, "a run was left unfinished")
    }
    for (const row of book.again()) {
      book.settle(row.id)
      const attempt = row.attempt + (row.reason === "stopping" || row.reason === "not_begun" ? 0 : 1)
      const { kind } = row
      const by = row.by === null ? {} : { by: row.by }
      if (kinds.has(kind))
        this.submit([{ kind, subject: subjectOf(row), cause: "resume", attempt, follows: row.id, ...by }])
    }
  }

  /**
   * Puts runs into the queue and gives their ids, in the same order. What is wanted while the same is under way or waits already is
   * recorded as skipped. Throws DatabaseError, and then nothing was put in that somebody asked for.
   */
  submit(requests: readonly RunRequest[]): string[] {
    const { book, now } = this.#parts
    const rows = requests.map((request) => newRow(this.#ids.next(now()), request, now()))
    const promised = rows.filter(({ cause }) => cause === "person" || cause === "resume")
    if (promised.length > 0) book.promised(promised)
    for (const row of rows) this.#enqueue(row)
    this.poke()
    return rows.map(({ id }) => id)
  }

  /** The run of this kind that waits or works on the subject. */
  sameRun(kind: string, subject: JobSubject): string | undefined {
    const key = subjectKey(subject)
    const same = ({ row }: { readonly row: RunRow }): boolean => row.kind === kind && row.subject === key
    const active = [...this.#active.values()].find(same)
    if (active !== undefined) return active.row.id
    return this.#waitingKeys.has(`${kind} ${key}`) ? [...this.#line.all()].find(same)?.row.id : undefined
  }

  readonly #waitingKeys = new Set<string>()

  #enqueue(row: RunRow): void {
    const kind = this.#parts.kinds.get(row.kind)
    const subject = subjectOf(row)
    if (kind === undefined || !this.#parts.isDeclared(subject)) {
      this.#skip(row, "not_declared", `${subjectText(subject)} is not declared any more`)
      return
    }
    const same = this.sameRun(row.kind, subject)
    if (same !== undefined) {
      this.#skip(row, "same_run", `run ${same}, which does the same, is not over`)
      return
    }
    const disk = this.#parts.diskOf(subject)
    const light = kind.light === true
    const lease = { kind: kind.name, subject, changing: kind.changing, light, disk }
    const lane = light ? "light" : `disk ${disk ?? ""}`
    this.#waitingKeys.add(`${row.kind} ${row.subject}`)
    this.#line.add({
      id: row.id,
      rank: row.cause === "person" ? 0 : row.cause === "resume" ? 1 : 2,
      lane,
      row,
      lease,
      patience: this.#patienceOf(kind, row, subject),
    })
  }

  #patienceOf(kind: JobKind, { cause }: RunRow, subject: JobSubject): MoverPatience {
    const { standBack, timing = usualTiming } = this.#parts
    const reason = (besideMovers: boolean): string | undefined =>
      standBack(subject, cause === "person", besideMovers)
    return new MoverPatience(kind, reason, timing.moverPatienceMs)
  }

  #skip(row: RunRow, reason: string, message: string): void {
    const { book, now } = this.#parts
    const end = endOf({ outcome: "skipped", reason, message, facts: null }, undefined, now(), false)
    this.#keep(row.id, () => {
      book.entered({ ...row, ...end })
    })
    this.#parts.ended(row.kind, "skipped", row)
  }

  /** Begins what may begin now. */
  poke(): void {
    for (const tell of [...this.#untold.values()]) tell()
    while (!this.#stopping) {
      const entry = this.#line.take((waiting) => this.#blocked(waiting))
      if (entry === undefined) return
      this.#waitingKeys.delete(`${entry.row.kind} ${entry.row.subject}`)
      this.#begin(entry)
    }
  }

  #blocked({ lease, patience }: Entry): Blocked | undefined {
    const blocked = this.#leases.blocked(lease)
    if (blocked !== undefined) return blocked
    const why = patience.why()
    return why === undefined ? undefined : { of: "itself", why }
  }

  #begin({ row: waiting, lease, patience }: Entry): void {
    const { book, kinds, logs, now, log, timing } = this.#parts
    const kind = kinds.get(waiting.kind)
    if (kind === undefined) return
    const { subject } = lease
    const row = { ...waiting, startedAt: now() }
    try {
      book.entered(row)
    } catch (error) {
      // What is not written down is not begun. A schedule comes again; what somebody asked for is told at the next start.
      log.error({ err: error, run: row.id, kind: row.kind }, "a run could not be recorded, and was not begun")
      return
    }
    this.#leases.take(row.id, lease)
    const runLog = logs.create(row.id)
    runLog.write("info", `${row.kind} of ${subjectText(subject)} begins`, {
      cause: row.cause,
      by: row.by,
      attempt: row.attempt,
      follows: row.follows,
    })
    const run = new ActiveRun({
      id: row.id,
      kind,
      subject,
      log: runLog,
      checkpoint: book.checkpoint(row.kind, subject),
      standBack: () => patience.why(),
      timing: timing ?? usualTiming,
    })
    this.#active.set(row.id, { row, run })
    log.info({ run: row.id, kind: row.kind, subject: subjectText(subject) }, "a run begins")
    const told = run.told.then(({ verdict, error }) => {
      this.#told(row, run, verdict, error)
    })
    void Promise.all([told, run.ended]).then(() => {
      if (run.lingers) runLog.end("it has ended after all")
      runLog.close()
      this.#leases.release(row.id)
      this.#active.delete(row.id)
      this.poke()
    })
  }

  #told(row: RunRow, run: ActiveRun, verdict: Verdict, error: unknown): void {
    const { book, now, log, ended } = this.#parts
    const { outcome, reason, message } = verdict
    const resumes = outcome === "interrupted" && reason === "stopping" && run.kind.resumable
    const pause = outcome === "failed" && reason !== "stalled" ? retryPause(error, row.attempt) : undefined
    const end = endOf(verdict, run.progress, now(), resumes || pause !== undefined)
    run.log.end(`ended: ${outcome}`, { reason, why: message, ...(verdict.facts ?? {}) })
    this.#keep(row.id, () => {
      book.ended(row, end)
    })
    const fields = { run: row.id, kind: row.kind, outcome, reason, why: message }
    if (reason === "internal") log.error({ ...fields, err: error }, "a run failed")
    else log[outcome === "failed" ? "warn" : "info"](fields, "a run ended")
    if (run.log.trouble !== undefined) log.warn({ err: run.log.trouble, run: row.id }, "its log is not whole")
    ended(row.kind, outcome, row)
    if (pause !== undefined) this.#retryIn(pause, row)
  }

  #retryIn(ms: number, row: RunRow): void {
    const { kind, attempt, id } = row
    const timer = setTimeout(() => {
      this.#retries.delete(id)
      this.#keep(id, () => {
        this.#parts.book.settle(id)
      })
      const subject = subjectOf(row)
      // Somebody or the schedule was quicker.
      if (this.sameRun(kind, subject) === undefined)
        this.submit([{ kind, subject, cause: "retry", attempt: attempt + 1, follows: id }])
    }, ms)
    this.#retries.set(id, timer.unref())
  }

  /** Writes something down, later when the state database does not take it now. */
  #keep(id: string, write: () => void): void {
    try {
      write()
      this.#untold.delete(id)
    } catch (error) {
      if (!this.#untold.has(id))
        this.#parts.log.error({ err: error, run: id }, "a run's outcome could not be recorded")
      this.#untold.set(id, () => {
        this.#keep(id, write)
      })
    }
  }

  /** What is declared changed: work on what is not declared any more ends, and does not begin. */
  redeclared(): void {
    const { isDeclared } = this.#parts
    for (const { row, lease } of [...this.#line.all()]) {
      if (isDeclared(lease.subject)) continue
      this.#line.remove(row.id)
      this.#waitingKeys.delete(`${row.kind} ${row.subject}`)
      this.#skip(row, "not_declared", `${subjectText(lease.subject)} is not declared any more`)
    }
    for (const { row, run } of this.#active.values()) {
      const subject = subjectOf(row)
      const message = `${subjectText(subject)} is not declared any more`
      if (!isDeclared(subject)) run.abort({ code: "cancelled", message })
    }
    this.poke()
  }

  /** Tells a run to end. False: it does not wait and is not under way, or has its outcome. */
  cancel(id: string, by: string): boolean {
    const waiting = this.#line.remove(id)
    if (waiting !== undefined) {
      this.#waitingKeys.delete(`${waiting.row.kind} ${waiting.row.subject}`)
      this.#skip(waiting.row, "cancelled", `cancelled by the ${by} before its turn`)
      return true
    }
    const active = this.#active.get(id)
    if (active === undefined || active.run.lingers) return false
    active.run.abort({ code: "cancelled", message: `cancelled by the ${by}` })
    return true
  }

  get waiting(): number {
    return this.#line.size
  }

  /** Everything that waits or is under way, by id. */
  live(): LiveRun[] {
    const waiting = [...this.#line.all()].map((entry) => this.#waitingRun(entry))
    const active = [...this.#active.values()].map(({ row, run }) => ({
      row,
      waitsFor: run.standing,
      active: run,
    }))
    return [...active, ...waiting].sort((one, other) => (one.row.id < other.row.id ? -1 : 1))
  }

  liveRun(id: string): LiveRun | undefined {
    const active = this.#active.get(id)
    if (active !== undefined) return { row: active.row, waitsFor: active.run.standing, active: active.run }
    const waiting = this.#line.get(id)
    return waiting && this.#waitingRun(waiting)
  }

  #waitingRun(entry: Entry): LiveRun {
    return { row: entry.row, waitsFor: this.#blocked(entry)?.why ?? "its turn", active: undefined }
  }

  /** Ends everything that is under way. False: something did not end, and is left behind. */
  async stop(): Promise<boolean> {
    this.#stopping = true
    for (const timer of this.#retries.values()) clearTimeout(timer)
    const cause: AbortCause = { code: "stopping", message: "the daemon stops" }
    const runs = [...this.#active.values()].map(({ run }) => run)
    for (const run of runs) run.abort(cause)
    await Promise.all(runs.map((run) => run.told))
    await new Promise(setImmediate)
    for (const tell of [...this.#untold.values()]) tell()
    return runs.every((run) => !run.lingers)
  }
}
