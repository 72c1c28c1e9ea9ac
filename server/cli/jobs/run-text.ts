import type { JobSubjectJson, RunJson } from "../../http/contract/jobs.js"
import { type ExitCode, exitCodes } from "../exit-codes.js"

export function subjectName({ type, repository, store, path }: JobSubjectJson): string {
  if (type === "whole") return "everything"
  if (type === "store") return `store ${store ?? "?"}`
  return `${repository ?? "?"} (${store ?? "?"}:${path ?? ""})`
}

/** "running: 12 of 40 items", "waiting: a mover writes", "failed: no key opens it". */
export function stateText({ state, outcome, message, progress, waitsFor }: RunJson): string {
  if (outcome !== null) return message === null ? outcome : `${outcome}: ${message}`
  if (waitsFor !== null) return `${state === "running" ? "stands back" : state}: ${waitsFor}`
  if (progress === null) return state
  const total = progress.total === null ? "" : ` of ${progress.total}`
  return `${state}: ${progress.done}${total} ${progress.unit}`
}

/** What a command that waited for the run exits with. */
export function exitCodeOf({ outcome }: Pick<RunJson, "outcome">): ExitCode {
  switch (outcome) {
    case "ok":
      return exitCodes.ok
    case "findings":
      return exitCodes.wrong
    case "skipped":
      return exitCodes.refused
    case "failed":
    case "interrupted":
    case null:
      return exitCodes.unclear
  }
}
