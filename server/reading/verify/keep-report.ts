import type { ReadingParts } from "../parts.js"
import { factsOf } from "./verify-facts.js"
import type { VerifyReport } from "./verify-report.js"

/** Source of the findings of verifies. Of each place there are two scopes, because what only reading shows is not gone when nothing was read. */
export const SOURCE = "verify"
const READ = " (contents)"

export function scopesOf(place: string): { readonly reachable: string; readonly read: string } {
  return { reachable: place, read: `${place}${READ}` }
}

/** Written at once: some milliseconds of the daemon's thread. */
const BATCH = 100

const othersTurn = (): Promise<void> => new Promise(setImmediate)

/** Writes down what a run found of a place. Throws DatabaseError; what was written until then is true. */
export async function keepReport(
  parts: Pick<ReadingParts, "integrity" | "findings" | "volumesIn" | "volumesOf">,
  { place, directory }: { readonly place: string; readonly directory: string },
  { records, keys, summary }: VerifyReport,
): Promise<void> {
  const { integrity, findings, volumesIn, volumesOf } = parts
  for (let at = 0; at < records.length; at += BATCH) {
    integrity.record(place, records.slice(at, at + BATCH))
    await othersTurn()
  }
  if (summary.isListingWhole) {
    const steps = integrity.keepOnlyInSteps(place, keys)
    while (steps.next().done !== true) await othersTurn()
  }
  const facts = factsOf(summary, { place, directory, volumesIn, volumesOf })
  const scopes = scopesOf(place)
  findings.report({ source: SOURCE, scope: scopes.reachable }, facts.reachable, { settleMs: 0 })
  if (facts.read !== undefined)
    findings.report({ source: SOURCE, scope: scopes.read }, facts.read, { settleMs: 0 })
}

/** A run could not look: what is known stays, and that nobody knows is told. */
export function tellUnknown(
  { findings }: Pick<ReadingParts, "findings">,
  place: string,
  isDeep: boolean,
  why: string,
): void {
  const scopes = scopesOf(place)
  for (const scope of isDeep ? [scopes.reachable, scopes.read] : [scopes.reachable])
    findings.couldNotLook({ source: SOURCE, scope }, why)
}

/** The place that a scope of this source is about; any other scope is a place. */
export function placeOfScope(scope: string): string {
  return scope.endsWith(READ) ? scope.slice(0, -READ.length) : scope
}
