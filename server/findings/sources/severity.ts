import type { Severity } from "../finding.js"

/** The doctor's words, and those of the lists, in ours. */
export function severityOf(word: "fail" | "warn" | "info"): Severity {
  if (word === "fail") return "critical"
  return word === "warn" ? "warning" : "info"
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
