import { setTimeout as delay } from "node:timers/promises"
import type { RunRow } from "../../db/index.js"
import type { JobAdministration, RunsQuery } from "../../http/admin/job-routes.js"
import type {
  JobJson,
  JobsJson,
  JobSubjectsJson,
  RunJson,
  RunLogJson,
  RunsJson,
  RunsStartedJson,
  StartRunRequest,
} from "../../http/contract/jobs.js"
import { HttpError } from "../../http/index.js"
import {
  isRunId,
  type JobKind,
  type Jobs,
  type JobSubject,
  subjectKey,
  subjectText,
} from "../../jobs/index.js"
import { runJson, subjectJson, timeOf } from "./run-json.js"

/** What an administrator sees and does of jobs and their runs. */
export class JobsAdministration implements JobAdministration {
  readonly #jobs: Jobs

  constructor(jobs: Jobs) {
    this.#jobs = jobs
  }

  jobs(): JobsJson {
    const live = this.#jobs.runner.live()
    return {
      jobs: [...this.#jobs.kinds.values()].map((kind): JobJson => {
        const { name, title, of, changing, resumable } = kind
        const mine = live.filter(({ row }) => row.kind === name)
        const running = mine.filter(({ active }) => active !== undefined).length
        const planned = this.#jobs.scheduler.planned(name)
        return {
          ...{ name, title, of, changing, resumable, running, waiting: mine.length - running },
          subjects: planned.length,
          schedules: this.#schedules(name),
          next: timeOf(planned.reduce((first, { due }) => Math.min(first, due), Infinity)),
        }
      }),
      quietUntil: timeOf(this.#jobs.quietUntil()),
    }
  }

  #schedules(kind: string): JobJson["schedules"] {
    const found = new Map<string, JobJson["schedules"][number]>()
    for (const { rules } of this.#jobs.scheduler.planned(kind)) {
      for (const { name = null, rule } of rules) {
        const { cron, zone, spreadMs } = rule
        const key = JSON.stringify([name, cron, zone, spreadMs])
        const subjects = (found.get(key)?.subjects ?? 0) + 1
        found.set(key, { name, cron, zone, spreadSeconds: spreadMs / 1000, subjects })
      }
    }
    return [...found.values()]
  }

  subjects(job: string, after: string | undefined, limit: number): JobSubjectsJson {
    const kind = this.#kind(job)
    const memory = new Map(
      this.#jobs.memory.all().flatMap((row) => (row.kind === kind.name ? [[row.subject, row]] : [])),
    )
    const rows = this.#jobs.scheduler
      .planned(kind.name)
      .map(({ subject, due }) => {
        const key = subjectKey(subject)
        const known = memory.get(key)
        return {
          key,
          subject: subjectJson(subject),
          next: timeOf(due),
          lastRun: known?.lastRun ?? null,
          lastOutcome: known?.lastOutcome ?? null,
          lastAt: timeOf(known?.lastAt),
          lastGoodAt: timeOf(known?.lastGoodAt),
        }
      })
      .filter(({ key }) => after === undefined || key > after)
      .sort((one, other) => (one.key < other.key ? -1 : 1))
    const page = rows.slice(0, limit)
    return { subjects: page, next: rows.length > page.length ? (page.at(-1)?.key ?? null) : null }
  }

  run(job: string, request: StartRunRequest, by: string): RunsStartedJson {
    const kind = this.#kind(job)
    const subjects = this.#wanted(kind, request)
    const busy = subjects.flatMap((subject) => this.#jobs.runner.sameRun(kind.name, subject) ?? [])
    if (subjects.length === 1 && busy[0] !== undefined) {
      throw new HttpError(
        409,
        "busy",
        `${kind.name} of ${request.repository ?? request.store ?? "it"} is not over: run ${busy[0]}.`,
        {
          hint: `Follow it by \`cistern logs -f ${busy[0]}\`, or end it by \`cistern cancel ${busy[0]}\`.`,
        },
      )
    }
    const ids = this.#jobs.runner.submit(
      subjects.map((subject) => ({ kind: kind.name, subject, cause: "person" as const, by })),
    )
    return { runs: ids.map((id) => this.show(id)) }
  }

  #wanted(kind: JobKind, { repository, store, path, only }: StartRunRequest): JobSubject[] {
    const all = this.#jobs.subjects(kind.of)
    if (only === "whole" && kind.of !== "whole" && all.length > 1) {
      throw new HttpError(
        400,
        "which",
        `${kind.name} works on ${all.length} things: it must be said on which.`,
        {
          hint: "Name one with --repository or --store, or say --all.",
        },
      )
    }
    const wanted = all.filter(
      (subject) =>
        (repository === undefined || (subject.type === "repository" && subject.repository === repository)) &&
        (store === undefined || (subject.type !== "whole" && subject.store === store)) &&
        (path === undefined || (subject.type === "repository" && subject.path === path)),
    )
    if (wanted.length > 0) return wanted
    throw new HttpError(404, "not_found", `There is nothing here that ${kind.name} could work on.`, {
      hint:
        all.length === 0
          ? "Declare it first."
          : `It works on ${all.slice(0, 3).map(subjectText).join(", ")}${all.length > 3 ? ", …" : ""}.`,
    })
  }

  runs({ job, limit, before, ...filter }: RunsQuery): RunsJson {
    if (before !== undefined && !isRunId(before))
      throw new HttpError(400, "invalid", "before is the id of a run.")
    const { repository, store, outcome } = filter
    const fits = (row: RunRow): boolean =>
      (job === undefined || row.kind === job) &&
      (repository === undefined || row.repository === repository) &&
      (store === undefined || row.store === store) &&
      (outcome === undefined || row.outcome === outcome) &&
      (before === undefined || row.id < before)
    const kept = this.#jobs.book.list({ ...filter, kind: job }, before, limit + 1)
    const known = new Set(kept.map(({ id }) => id))
    // What a schedule wants is written down when it begins.
    const waiting = this.#jobs.runner
      .live()
      .flatMap(({ row }) => (!known.has(row.id) && fits(row) ? [row] : []))
    const all = [...kept, ...waiting].sort((one, other) => (one.id < other.id ? 1 : -1))
    const page = all.slice(0, limit)
    return {
      runs: page.map((row) => runJson(row, this.#jobs.runner.liveRun(row.id))),
      next: all.length > limit ? (page.at(-1)?.id ?? null) : null,
    }
  }

  show(run: string): RunJson {
    const live = isRunId(run) ? this.#jobs.runner.liveRun(run) : undefined
    const row = isRunId(run) ? (this.#jobs.book.get(run) ?? live?.row) : undefined
    if (row === undefined) {
      throw new HttpError(404, "not_found", "There is no such run, or it is long over.", {
        hint: "`cistern runs` lists them.",
      })
    }
    return runJson(row, live)
  }

  async log(run: string, from: number, waitMs: number): Promise<RunLogJson> {
    this.show(run)
    let page = await this.#jobs.logs.read(run, from)
    if (page.lines.length === 0 && waitMs > 0 && this.#isLive(run)) {
      const log = this.#jobs.runner.liveRun(run)?.active?.log
      await (log?.grows(waitMs) ?? delay(Math.min(waitMs, 250)))
      page = await this.#jobs.logs.read(run, from)
    }
    // Asked in this order: what was written before its end is in the page, or there is more to ask for.
    const complete = !this.#isLive(run) && page.lines.length === 0
    const lines = page.lines.map((line) => ({
      ...line,
      facts: { ...line.facts },
      time: new Date(line.time).toISOString(),
    }))
    return { run: this.show(run), lines, next: page.next, complete }
  }

  /** Whether its log may still grow. One that lingers is not waited for. */
  #isLive(run: string): boolean {
    const { state } = this.show(run)
    return state === "waiting" || state === "running"
  }

  cancel(run: string, by: string): RunJson {
    const { outcome } = this.show(run)
    if (!this.#jobs.runner.cancel(run, by)) {
      throw new HttpError(409, "over", `Run ${run} has its outcome already: ${outcome ?? "it just ended"}.`)
    }
    return this.show(run)
  }

  #kind(name: string): JobKind {
    const kind = this.#jobs.kinds.get(name)
    if (kind !== undefined) return kind
    throw new HttpError(404, "not_found", `There is no job named ${name.slice(0, 80)}.`, {
      hint: `There are ${[...this.#jobs.kinds.keys()].join(", ")}.`,
    })
  }
}
