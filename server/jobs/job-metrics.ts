import { Counter, Gauge, type Registry } from "prom-client"
import type { Jobs } from "./jobs.js"
import { outcomes, type OutcomeWord, subjectKey } from "./kind.js"

export interface JobMetrics {
  /** One run has its outcome. */
  readonly ended: (job: string, outcome: OutcomeWord) => void
  /** Sets the rest, before each scrape. From memory, but for one read of the state database. */
  readonly collect: (jobs: Jobs) => void
}

/** Metrics of jobs and their runs. Every kind and outcome is there from the start. */
export function jobMetrics(registry: Registry): JobMetrics {
  const registers = [registry]
  const ended = new Counter({
    name: "cistern_job_runs_total",
    help: "Runs that have their outcome, since the daemon's start.",
    labelNames: ["job", "outcome"],
    registers,
  })
  const labelNames = ["job"]
  const running = new Gauge({ name: "cistern_job_running", help: "Runs under way.", labelNames, registers })
  const waiting = new Gauge({
    name: "cistern_job_waiting",
    help: "Runs that wait for their turn.",
    labelNames,
    registers,
  })
  const last = new Gauge({
    name: "cistern_job_last_success_timestamp_seconds",
    help: "When a run ended last that was ok or had findings; of a repository with a directory per volume, the oldest of these times.",
    labelNames: ["job", "repository", "store"],
    registers,
  })
  return {
    ended: (job, outcome) => {
      ended.inc({ job, outcome })
    },
    collect: (jobs) => {
      const live = jobs.runner.live()
      const good = new Map(jobs.memory.all().map((row) => [`${row.kind} ${row.subject}`, row.lastGoodAt]))
      for (const kind of jobs.kinds.values()) {
        const job = kind.name
        for (const outcome of outcomes) ended.inc({ job, outcome }, 0)
        const mine = live.filter(({ row }) => row.kind === job)
        running.set({ job }, mine.filter(({ active }) => active !== undefined).length)
        waiting.set({ job }, mine.filter(({ active }) => active === undefined).length)
        const oldest = new Map<string, { labels: Record<string, string>; at: number }>()
        for (const subject of jobs.subjects(kind.of)) {
          const at = good.get(`${job} ${subjectKey(subject)}`)
          if (at == null) continue
          const labels = {
            job,
            repository: subject.type === "repository" ? subject.repository : "",
            store: subject.type === "whole" ? "" : subject.store,
          }
          const key = `${labels.repository} ${labels.store}`
          const known = oldest.get(key)
          if (known === undefined || at < known.at) oldest.set(key, { labels, at })
        }
        // A value stays while its subject cannot be seen: an alert must not end by vanishing.
        for (const { labels, at } of oldest.values()) last.set(labels, at / 1000)
      }
    },
  }
}
