import type { Clock } from "../../catalog/index.js"
import type { QuotaJson } from "../../http/contract/quotas.js"
import { judgeQuota, needsWalk, USUAL_WARNING } from "./judge-quota.js"
import type { QuotaLooks, Reading } from "./quota-looks.js"
import type { QuotaSpot } from "./quota-places.js"
import type { QuotaWalks } from "./quota-walks.js"

export interface QuotaRowsParts {
  readonly clock: Clock
  readonly looks: QuotaLooks
  readonly walks: QuotaWalks
}

/** What is said of a directory's limit, from what is known of it. Looks at nothing. */
export function quotaRow(spot: QuotaSpot, parts: QuotaRowsParts): QuotaJson {
  const reading = parts.looks.of(spot)
  const frame = frameOf(spot, reading, parts)
  if (reading === undefined) return { ...frame, problem: notYet }
  if (reading.kind === "failed") {
    const { code, message, hint } = reading.trouble
    return {
      ...frame,
      state: code === "missing" ? "missing" : "unknown",
      problem: { code, message, hint: hint ?? null },
    }
  }
  const judged = judgeQuota(factsOf(spot, reading, parts), reading.type)
  const [first] = judged.findings
  const problem = first === undefined ? null : { code: first.code, message: first.message, hint: first.hint }
  return { ...frame, ...judged, problem }
}

/** Whether only a walk tells what a directory holds that has a declared limit. */
export function wantsWalk(spot: QuotaSpot, parts: QuotaRowsParts): boolean {
  const reading = parts.looks.of(spot)
  return reading?.kind === "looked" && needsWalk(factsOf(spot, reading, parts))
}

function factsOf(
  { key, store, path, repository }: QuotaSpot,
  { quota, at, unheld, realPath }: Extract<Reading, { kind: "looked" }>,
  { clock, walks }: QuotaRowsParts,
) {
  return {
    store: store.name,
    path,
    realPath,
    quota,
    lookedAt: at,
    unheld,
    declared: repository.entry.quota,
    walk: walks.last(key),
    now: clock.now().wall,
  }
}

const notYet = {
  code: "not_looked_at",
  message: "nobody has looked at its limit yet",
  hint: "The store's disk is busy; ask again.",
}

function frameOf(
  { key, store, path, directory, repository, volume }: QuotaSpot,
  reading: Reading | undefined,
  { walks }: QuotaRowsParts,
): QuotaJson {
  const declared = repository.entry.quota
  return {
    store: store.name,
    repository: repository.entry.name,
    path,
    directory,
    volume,
    state: "unknown",
    kind: "none",
    enforced: false,
    tree: directory,
    limitBytes: null,
    usedBytes: null,
    limitFiles: null,
    usedFiles: null,
    usedPercent: null,
    warnAt: declared?.warnAt ?? USUAL_WARNING,
    declaredBytes: declared?.limitBytes ?? null,
    measuredAt: null,
    source: null,
    lookedAt: reading === undefined ? null : new Date(reading.at).toISOString(),
    measuring: walks.progress(key) ?? null,
    problem: null,
    findings: [],
    notices: [],
  }
}
