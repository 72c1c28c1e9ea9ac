import type { JobSubject, LiveRun, RunFacts, RunProgress } from "../../jobs/index.js"
import type { RunRow } from "../../db/index.js"
import type { JobSubjectJson, RunJson } from "../../http/contract/jobs.js"

/** A run as it is told: what was written down, and what is going on. */
export function runJson(row: RunRow, live: LiveRun | undefined): RunJson {
  const active = live?.active
  const progress = active?.progress ?? (JSON.parse(row.progress ?? "null") as RunProgress | null)
  return {
    id: row.id,
    job: row.kind,
    subject: { type: row.type, repository: row.repository, store: row.store, path: row.path },
    cause: row.cause,
    by: row.by,
    attempt: row.attempt,
    follows: row.follows,
    state: stateOf(row, live),
    waitsFor: live?.waitsFor ?? null,
    dueAt: timeOf(row.dueAt),
    queuedAt: new Date(row.queuedAt).toISOString(),
    startedAt: timeOf(row.startedAt),
    endedAt: timeOf(row.endedAt),
    outcome: row.outcome,
    reason: row.reason,
    message: row.message,
    progress:
      progress === null
        ? null
        : {
            done: progress.done,
            total: progress.total ?? null,
            unit: progress.unit,
            text: progress.text ?? null,
          },
    facts: JSON.parse(row.facts ?? "{}") as RunFacts,
  }
}

function stateOf(row: RunRow, live: LiveRun | undefined): RunJson["state"] {
  if (row.outcome !== null) return live?.active?.lingers === true ? "lingers" : "ended"
  return live?.active === undefined ? "waiting" : "running"
}

export function subjectJson(subject: JobSubject): JobSubjectJson {
  const none = { repository: null, store: null, path: null }
  if (subject.type === "whole") return { type: subject.type, ...none }
  if (subject.type === "store") return { type: subject.type, ...none, store: subject.store }
  const { type, repository, store, path } = subject
  return { type, repository, store, path }
}

/** RFC 3339; null for what is not known or never comes. */
export function timeOf(milliseconds: number | null | undefined): string | null {
  if (milliseconds == null || milliseconds === Infinity) return null
  return new Date(milliseconds).toISOString()
}
