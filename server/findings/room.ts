import type { StateDatabase } from "../db/index.js"
import { FindingList, FindingNotes, FindingRows } from "../db/index.js"
import { FindingActs } from "./act-on-findings.js"
import { FindingViews } from "./finding-views.js"
import { Findings, type FindingsParts } from "./findings.js"
import { Looks } from "./looks.js"

export interface FindingsRoom {
  /** Takes facts. */
  readonly findings: Findings
  /** Shows findings, and takes what people do about them. */
  readonly views: FindingViews
  readonly looks: Looks
}

/** The findings of one state database. */
export function openFindings(
  { connection }: Pick<StateDatabase, "connection">,
  { now, log }: Pick<FindingsParts, "now" | "log">,
): FindingsRoom {
  const rows = new FindingRows(connection)
  const notes = new FindingNotes(connection)
  const looks = new Looks(notes)
  const parts = { rows, notes, looks, now: () => Math.floor(now()), log }
  const findings = new Findings(parts)
  const acts = new FindingActs(parts)
  return {
    findings,
    looks,
    views: new FindingViews({ ...parts, list: new FindingList(connection), acts, findings }),
  }
}
