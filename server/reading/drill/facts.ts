import type { StoredDrill } from "../../db/index.js"
import type { Fact, Severity } from "../../findings/index.js"
import { type LastDrill, lastOf, type Target, volumeText, waitingSince } from "./plan.js"

const DAY_MS = 24 * 3_600_000

export interface FactTerms {
  readonly place: string
  readonly now: number
  readonly everyMs: number
}

/** What drills tell of volumes: what failed, what could not be told, and what was not drilled for too long. Pure. */
export function drillFacts(
  targets: readonly Target[],
  rows: ReadonlyMap<string, StoredDrill>,
  terms: FactTerms,
): Fact[] {
  return targets.flatMap((target) => {
    const row = rows.get(volumeText(target.volume))
    if (row === undefined) return []
    const last = lastOf(row)
    return [
      ...(last === undefined ? [] : checkFacts(target, last, terms)),
      ...overdue(target, row, last, terms),
    ]
  })
}

/** What makes a backup useless where it fails, though every byte of it is as it was written. */
const critical: ReadonlySet<string> = new Set(["restored", "sqlite", "sentinels", "engine"])
const ofScratch: ReadonlySet<string> = new Set(["read_back", "cleaned_up"])

function checkFacts(target: Target, last: LastDrill, { place }: FactTerms): Fact[] {
  const failed = last.checks?.filter(({ status }) => status === "failed") ?? []
  const unclear = last.checks?.filter(({ status }) => status === "unknown") ?? []
  const scratch = failed.filter(({ name }) => ofScratch.has(name))
  const bad = failed.filter(({ name }) => !ofScratch.has(name))
  const about = aboutOf(target, place)
  const evidence = { ...about.evidence, run: last.run, snapshot: last.snapshot.id, at: iso(last.at) }
  const facts: Fact[] = []
  if (bad.length > 0) {
    const severity: Severity = bad.some(({ name }) => critical.has(name)) ? "critical" : "warning"
    facts.push({
      ...about,
      code: "drill_check_failed",
      severity,
      title: `The backup of ${volumeText(target.volume)} failed its drill: ${bad.map(sentence).join("; ")}`,
      hint: hintOf(bad[0]?.name ?? ""),
      evidence: { ...evidence, checks: bad },
    })
  }
  if (scratch.length > 0) {
    facts.push({
      ...about,
      code: "drill_scratch_failed",
      severity: "warning",
      title: `The scratch space failed a drill of ${volumeText(target.volume)}: ${scratch.map(sentence).join("; ")}`,
      hint: "Look at the kernel log and the health of the disk that drills restore to, and at the machine's memory.",
      evidence: { ...evidence, checks: scratch },
    })
  }
  if (unclear.length > 0 && bad.length === 0) {
    facts.push({
      ...about,
      code: "drill_unclear",
      severity: "info",
      title: `A drill of ${volumeText(target.volume)} could not tell everything: ${unclear.map(sentence).join("; ")}`,
      hint: `See its log: \`cistern logs ${last.run}\`.`,
      evidence: { ...evidence, checks: unclear },
    })
  }
  return facts
}

function overdue(
  target: Target,
  row: StoredDrill,
  last: LastDrill | undefined,
  { place, now, everyMs }: FactTerms,
): Fact[] {
  const waited = now - waitingSince(row, now)
  const impossible = last !== undefined && last.checks === undefined ? last : undefined
  if (waited < 1.5 * everyMs) return []
  const about = aboutOf(target, place)
  const days = Math.floor(waited / DAY_MS)
  const never = row.drilledAt === null
  return [
    {
      ...about,
      code: "drill_overdue",
      severity: waited >= 3 * everyMs ? "warning" : "info",
      title: `The backup of ${volumeText(target.volume)} was ${never ? "never drilled" : "not drilled"} for ${days} days${impossible?.why === undefined ? "" : `: ${impossible.why}`}`,
      hint: "Give drills room and time: `drills.scratch`, `drills.most` and the schedule of `drill`; or drill it by hand with `cistern drill`.",
      evidence: {
        ...about.evidence,
        days,
        bytes: target.snapshot.bytes ?? null,
        reason: impossible?.reason ?? null,
        drilled: row.drilledAt === null ? null : iso(row.drilledAt),
      },
    },
  ]
}

function aboutOf({ identity, volume }: Target, place: string) {
  return {
    subject: { kind: "identity", key: `${place} ${identity}` },
    volumes: [volume],
    evidence: { place, identity },
  }
}

function sentence({ name, detail }: { readonly name: string; readonly detail: string }): string {
  return `${name.replaceAll("_", " ")}: ${detail}`
}

function hintOf(check: string): string {
  switch (check) {
    case "restored":
      return "The repository is damaged: `cistern verify` tells what else is lost; `cistern exists NAMESPACE/PVC` names the newest good backup."
    case "sqlite":
      return "The backup is what was in the volume, and the database in it is broken. Check the one in use, and back it up while the application stands still or from a filesystem snapshot."
    case "sentinels":
      return "Look at what is in the volume: `cistern ls` shows the backup. If the file is meant to be gone, take it out of `drills.sentinels`."
    case "engine":
      return "The real program restores something else than Cistern: do the drill by hand with `cistern drill --with-engine`, and report it."
    default:
      return "The writer counted otherwise: have the mover back up again, and drill that."
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
