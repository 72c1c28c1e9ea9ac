import { StorageError } from "../../storage/index.js"
import type { Outcome, OutcomeWord, RunFacts } from "./kind.js"

/** Why a run was told to end. */
export interface AbortCause {
  readonly code: "cancelled" | "stopping" | "stalled"
  readonly message: string
}

/** What came of a run. `reason` is a stable code. */
export interface Verdict {
  readonly outcome: OutcomeWord
  readonly reason: string | null
  readonly message: string | null
  readonly facts: RunFacts | null
}

/** The reason of an aborted signal. */
export class RunAborted extends Error {
  override readonly name = "RunAborted"
  override readonly cause: AbortCause

  constructor(cause: AbortCause) {
    super(cause.message)
    this.cause = cause
  }
}

export function verdictOf(outcome: Outcome): Verdict {
  if (outcome.outcome === "skipped") {
    const { reason, message } = outcome
    return { outcome: "skipped", reason, message, facts: null }
  }
  return {
    outcome: outcome.outcome,
    reason: null,
    message: outcome.message ?? null,
    facts: outcome.facts ?? null,
  }
}

/** Of a run that threw. One that was told to end is what it was told; everything else is a failure. */
export function verdictOfError(error: unknown, aborted: AbortCause | undefined): Verdict {
  if (aborted !== undefined) return verdictOfAbort(aborted)
  const failed = { outcome: "failed", facts: null } as const
  if (error instanceof StorageError) {
    const { code, message, hint } = error
    return { ...failed, reason: code, message: hint === undefined ? message : `${message}. ${hint}` }
  }
  return {
    ...failed,
    reason: "internal",
    message: "a fault of Cistern's own; the daemon's log has the details",
  }
}

export function verdictOfAbort({ code, message }: AbortCause): Verdict {
  return { outcome: code === "stalled" ? "failed" : "interrupted", reason: code, message, facts: null }
}
