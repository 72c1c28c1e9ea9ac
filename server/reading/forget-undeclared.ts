import type { ReadingParts } from "./parts.js"
import { placeOfScope, SOURCE as VERIFY } from "./verify/keep-report.js"

/** The jobs that tell findings, by the names of their sources. */
const SOURCES = ["scrub", VERIFY, "anomalies", "drill"]

/**
 * Closes what the jobs told of places that no document declares any more, and forgets what they keep of them; data, ledger and pins stay.
 * Throws DatabaseError.
 */
export function forgetUndeclared({
  isDeclared,
  findings,
  anomalyMemory,
  drills,
}: Pick<ReadingParts, "isDeclared" | "findings" | "anomalyMemory" | "drills">): void {
  for (const table of [anomalyMemory, drills])
    for (const place of table.places()) if (!isDeclared(place)) table.removePlace(place)
  for (const source of SOURCES) {
    const there = findings.scopes(source).filter((scope) => isDeclared(placeOfScope(scope)))
    findings.onlyScopes(source, there)
  }
}
