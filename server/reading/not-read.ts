import { StorageError } from "../../storage/index.js"
import type { RepositoryEntry } from "../config/index.js"
import type { Outcome } from "../jobs/index.js"

/** Why nothing could be read that is no failure of a run. */
export interface NotRead {
  readonly outcome: Outcome
  /** A place that is empty and is meant to be. */
  readonly isFirst: boolean
}

/** Undefined: it is a failure. */
export function unreadable(
  error: unknown,
  { new: isNew }: Pick<RepositoryEntry, "new">,
): NotRead | undefined {
  if (!(error instanceof StorageError)) return undefined
  const { code, message, facts } = error
  if (code === "password_missing")
    return {
      outcome: { outcome: "skipped", reason: code, message: `${message}: declare it` },
      isFirst: false,
    }
  // A fence that does not hold says `missing`, too, and is a reason to look.
  const isNothing = (code === "missing" || code === "empty") && facts["code"] === undefined
  if (!isNew || !isNothing) return undefined
  return {
    outcome: { outcome: "skipped", reason: "nothing_yet", message: "nothing was backed up there yet" },
    isFirst: true,
  }
}
