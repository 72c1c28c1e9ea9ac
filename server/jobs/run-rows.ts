import type { RunEnd, RunRow } from "../db/index.js"
import { type JobSubject, type RunProgress, subjectKey } from "./kind.js"
import type { Verdict } from "./verdict.js"

/** What somebody, or a schedule, wants done. */
export interface RunRequest {
  readonly kind: string
  readonly subject: JobSubject
  readonly cause: RunRow["cause"]
  readonly by?: string
  /** Unix milliseconds for which it was due. */
  readonly dueAt?: number
  /** 1 for the first try. */
  readonly attempt?: number
  /** The run that it tries again or continues. */
  readonly follows?: string
}

export function newRow(id: string, request: RunRequest, now: number): RunRow {
  const { kind, subject, cause, by, dueAt, attempt, follows } = request
  const none = { repository: null, store: null, path: null, place: null }
  const named = subject.type === "whole" ? {} : subject
  return {
    id,
    kind,
    subject: subjectKey(subject),
    ...none,
    ...named,
    type: subject.type,
    cause,
    by: by ?? null,
    attempt: attempt ?? 1,
    follows: follows ?? null,
    dueAt: dueAt ?? null,
    queuedAt: now,
    startedAt: null,
    endedAt: null,
    outcome: null,
    reason: null,
    message: null,
    again: 0,
    progress: null,
    facts: null,
  }
}

export function subjectOf({ type, repository, store, path, place }: RunRow): JobSubject {
  if (type === "repository" && repository !== null && store !== null && path !== null && place !== null) {
    return { type, repository, store, path, place }
  }
  return type === "store" && store !== null ? { type, store } : { type: "whole" }
}

export function endOf(
  { outcome, reason, message, facts }: Verdict,
  progress: RunProgress | undefined,
  endedAt: number,
  again: boolean,
): RunEnd {
  return {
    endedAt,
    outcome,
    reason,
    message: message ?? (outcome === "skipped" ? "it did not say why" : null),
    again: again ? 1 : 0,
    progress: progress === undefined ? null : JSON.stringify(progress),
    facts: facts === null ? null : JSON.stringify(facts),
  }
}
