import type { JobMemory, JobMemoryRow, Runs } from "../db/index.js"
import type { Clock, Moment } from "../catalog/index.js"
import { CronTimes, parseCron } from "./cron.js"
import { DueHeap } from "./due-heap.js"
import { type JobKind, type JobSubject, type ScheduleRule, subjectKey, type SubjectType } from "./kind.js"
import { type QuietHours, quietUntil } from "./quiet-hours.js"
import type { RunRequest } from "./run-rows.js"
import { type DeclaredSchedule, type NamedRule, rulesFor } from "./schedule-plan.js"
import { spreadOf } from "./spread.js"

export interface SchedulerParts {
  readonly kinds: readonly JobKind[]
  readonly clock: Clock
  readonly memory: Pick<JobMemory, "all" | "handled">
  readonly transaction: Runs["transaction"]
  readonly subjects: (type: SubjectType) => readonly JobSubject[]
  readonly schedules: () => readonly DeclaredSchedule[]
  readonly quiet: () => QuietHours | undefined
  readonly submit: (requests: readonly RunRequest[]) => void
  /** Called with each tick: time has passed. */
  readonly ticked: () => void
  readonly log: { error(fields: object, message: string): void }
}

/** A kind on a subject, and when it is due next. */
export interface Planned {
  readonly kind: string
  readonly subject: JobSubject
  readonly key: string
  readonly rules: readonly NamedRule[]
  readonly times: readonly { readonly times: CronTimes; readonly shift: number }[]
  /** Unix milliseconds; Infinity: never by itself. */
  due: number
  /** What it was due for before quiet hours put it off. */
  putOff: number | undefined
}

/** The wall clock is looked at so often, because it may be set and the machine may sleep. */
const TICK_MS = 30_000
/** Places come and go without the document. */
const LOOK_EVERY_MS = 60_000
/** Later than this, it was missed: nobody was there at its time. */
const MISSED_MS = 5 * 60_000
/** A clock that goes back by less repeats nothing; by more, it was wrong before. */
const SMALL_JUMP_MS = 2 * 3_600_000
const CLOCK_NOISE_MS = 5_000
/** After quiet hours work begins over so long. */
const AFTER_QUIET_MS = 10 * 60_000

/** Says when what is due. One timer for all schedules; every time is worked out from the wall clock. */
export class Scheduler {
  readonly #parts: SchedulerParts
  readonly #heap = new DueHeap<Planned>()
  /** By kind and subject: what was due until then is done with. */
  readonly #handled: Map<string, number>
  #planned = new Map<string, Planned>()
  readonly #times = new Map<string, CronTimes | undefined>()
  #lookedAt = -Infinity
  #last: Moment | undefined
  #timer: NodeJS.Timeout | undefined
  #started = false

  constructor(parts: SchedulerParts) {
    this.#parts = parts
    this.#handled = new Map(
      parts.memory.all().map((row: JobMemoryRow) => [keyOf(row.kind, row.subject), row.handledAt]),
    )
  }

  start(): void {
    this.#started = true
    this.redeclared()
    this.tick()
  }

  stop(): void {
    this.#started = false
    clearTimeout(this.#timer)
  }

  /** What is planned of a kind, or of all. */
  planned(kind?: string): Planned[] {
    return [...this.#planned.values()].filter((one) => kind === undefined || one.kind === kind)
  }

  /** The document or what there is changed: plans anew. What was known keeps what is done with. */
  redeclared(): void {
    // Other quiet hours may hold now.
    const now = this.#parts.clock.now().wall
    for (const planned of this.#planned.values()) if (planned.putOff !== undefined) planned.due = now
    this.#look()
  }

  #look(): void {
    const now = this.#parts.clock.now()
    this.#lookedAt = now.mono
    const schedules = this.#parts.schedules()
    const before = this.#planned
    this.#planned = new Map()
    const unseen: Planned[] = []
    for (const kind of this.#parts.kinds) {
      for (const subject of this.#parts.subjects(kind.of)) {
        const planned = this.#plan(kind, subject, schedules, now.wall)
        const known = before.get(planned.key)
        if (known?.putOff !== undefined && planned.due !== Infinity) {
          planned.putOff = known.putOff
          planned.due = known.due
        }
        if (!this.#handled.has(planned.key)) unseen.push(planned)
        this.#planned.set(planned.key, planned)
      }
    }
    this.#remember(unseen, now.wall)
    this.#heap.replace([...this.#planned.values()].filter(({ due }) => due !== Infinity))
    if (this.#started) this.#arm(now)
  }

  #plan(kind: JobKind, subject: JobSubject, schedules: readonly DeclaredSchedule[], now: number): Planned {
    const rules = rulesFor(kind, subject, schedules)
    const subjectName = subjectKey(subject)
    const times = rules.flatMap(({ rule }) => {
      const times = this.#timesOf(rule)
      return times === undefined ? [] : [{ times, shift: spreadOf(kind.name, subjectName, rule.spreadMs) }]
    })
    const key = keyOf(kind.name, subjectName)
    const planned: Planned = { kind: kind.name, subject, key, rules, times, due: Infinity, putOff: undefined }
    planned.due = this.#dueOf(planned, now)
    return planned
  }

  /** A kept document may hold what is refused today: it never comes. */
  #timesOf({ cron, zone }: ScheduleRule): CronTimes | undefined {
    const key = `${zone} ${cron}`
    if (!this.#times.has(key)) {
      const parsed = parseCron(cron)
      if (typeof parsed === "string") this.#parts.log.error({ cron, why: parsed }, "a schedule never comes")
      this.#times.set(key, typeof parsed === "string" ? undefined : new CronTimes(parsed, zone))
    }
    return this.#times.get(key)
  }

  #dueOf({ key, times }: Planned, now: number): number {
    const handled = this.#handled.get(key) ?? now
    const base = handled > now + SMALL_JUMP_MS ? now : handled
    return Math.min(
      Infinity,
      ...times.map(({ times, shift }) => (times.next(base - shift) ?? Infinity) + shift),
    )
  }

  /** What is seen for the first time counts from now on, also over the daemon's end. */
  #remember(unseen: readonly Planned[], now: number): void {
    if (unseen.length === 0) return
    for (const { key } of unseen) this.#handled.set(key, now)
    try {
      this.#parts.transaction(() => {
        for (const { kind, subject } of unseen) this.#parts.memory.handled(kind, subjectKey(subject), now)
      })
    } catch (error) {
      this.#parts.log.error({ err: error }, "what schedules remember could not be saved")
    }
  }

  /** Does what is due by the clock as it is now. */
  tick(): void {
    const now = this.#parts.clock.now()
    const wentBack =
      this.#last !== undefined && now.wall - this.#last.wall < now.mono - this.#last.mono - CLOCK_NOISE_MS
    this.#last = now
    if (wentBack || now.mono - this.#lookedAt >= LOOK_EVERY_MS) this.#look()
    const requests: RunRequest[] = []
    for (
      let first = this.#heap.first;
      first !== undefined && first.due <= now.wall;
      first = this.#heap.first
    ) {
      this.#heap.pop()
      requests.push(...this.#comeDue(first, now.wall))
      if (first.due !== Infinity) this.#heap.push(first)
    }
    if (requests.length > 0) this.#parts.submit(requests)
    this.#parts.ticked()
    if (this.#started) this.#arm(now)
  }

  #comeDue(planned: Planned, now: number): RunRequest[] {
    const until = quietUntil(this.#parts.quiet(), now)
    const { kind, subject, key, putOff } = planned
    if (until !== undefined) {
      planned.putOff ??= planned.due
      planned.due = until + spreadOf(kind, key, AFTER_QUIET_MS)
      return []
    }
    const dueAt = putOff ?? planned.due
    const cause = now - planned.due > MISSED_MS ? "missed" : "schedule"
    this.#handled.set(key, now)
    planned.putOff = undefined
    planned.due = this.#dueOf(planned, now)
    return [{ kind, subject, cause, dueAt }]
  }

  #arm({ wall }: Moment): void {
    clearTimeout(this.#timer)
    const wait = Math.min(TICK_MS, Math.max(0, (this.#heap.first?.due ?? Infinity) - wall))
    this.#timer = setTimeout(() => {
      this.tick()
    }, wait).unref()
  }
}

function keyOf(kind: string, subject: string): string {
  return `${kind} ${subject}`
}
