import type { Snapshot } from "../../../storage/index.js"
import type { IdentitySummary } from "../../catalog/index.js"
import type { StoredDrill, VolumeKey } from "../../db/index.js"

/** A volume's newest complete backup in a place: what its mover would restore. */
export interface Target {
  readonly volume: VolumeKey
  /** As the ledger knows it. */
  readonly identity: string
  readonly snapshot: Snapshot
}

/** What is kept of the last drill. */
export interface LastDrill {
  readonly at: number
  readonly run: string
  readonly identity: string
  readonly snapshot: { readonly id: string; readonly start: string; readonly root: string | undefined }
  /** Undefined: it could not be held, and `why` says why. */
  readonly checks:
    readonly { readonly name: string; readonly status: string; readonly detail: string }[] | undefined
  readonly reason?: string
  readonly why?: string
  readonly files?: number
  readonly bytes?: number
  readonly seconds?: number
  readonly rate?: number
  readonly damaged?: number
}

export function volumeText({ cluster, namespace, pvc }: VolumeKey): string {
  return `${cluster}/${namespace}/${pvc}`
}

/** What a clock may be ahead. */
const AHEAD_MS = 10 * 60_000

/** One for each volume whose backups an identity's are, as far as names tell. Pure. */
export function targetsOf(
  identities: Iterable<IdentitySummary>,
  volumesOf: (summary: IdentitySummary) => readonly VolumeKey[],
  now: number,
): Target[] {
  const targets = new Map<string, Target>()
  for (const summary of identities) {
    const snapshot = summary.newestComplete
    if (snapshot === undefined || Number(snapshot.start / 1_000_000n) > now + AHEAD_MS) continue
    for (const volume of volumesOf(summary)) {
      const other = targets.get(volumeText(volume))
      if (other === undefined || other.snapshot.start < snapshot.start)
        targets.set(volumeText(volume), { volume, identity: summary.identity, snapshot })
    }
  }
  return [...targets.values()]
}

/** What failed or could not be held is not tried again before the next night. */
const AGAIN_MS = 20 * 3_600_000
/** From so many times what is wanted on, it comes before those that are cheap. */
const LATE = 2

/**
 * Those that are due, in the order in which they are drilled: first those that waited twice as long as is wanted, the longest first;
 * then the cheapest. A time that lies in the future was of a wrong clock, and counts as none. Pure.
 */
export function dueTargets(
  targets: readonly Target[],
  rows: ReadonlyMap<string, StoredDrill>,
  { now, everyMs }: { readonly now: number; readonly everyMs: number },
): Target[] {
  const waits = (target: Target): number => now - waitingSince(rows.get(volumeText(target.volume)), now)
  const isLate = (target: Target): boolean => waits(target) >= LATE * everyMs
  return targets
    .filter((target) => isDue(target, rows.get(volumeText(target.volume)), now, everyMs))
    .sort((one, other) => {
      const [late, otherLate] = [isLate(one), isLate(other)]
      if (late !== otherLate) return late ? -1 : 1
      return late ? waits(other) - waits(one) : costOf(one) - costOf(other) || waits(other) - waits(one)
    })
}

/** Of what is not known to have been drilled: since it is known. */
export function waitingSince(row: StoredDrill | undefined, now: number): number {
  return past(row?.drilledAt, now) ?? past(row?.knownSince, now) ?? now
}

function isDue({ snapshot }: Target, row: StoredDrill | undefined, now: number, everyMs: number): boolean {
  if (row === undefined) return true
  const [tried, drilled] = [past(row.triedAt, now), past(row.drilledAt, now)]
  if (tried !== undefined && now - tried < Math.min(AGAIN_MS, everyMs)) return false
  if (drilled === undefined || now - drilled >= everyMs) return true
  // Something was wrong with it, and there is another backup now.
  const last = lastOf(row)
  return last !== undefined && isWrong(last) && last.snapshot.start !== String(snapshot.start)
}

function past(at: number | null | undefined, now: number): number | undefined {
  return at === null || at === undefined || at > now ? undefined : at
}

export function lastOf({ last }: Pick<StoredDrill, "last">): LastDrill | undefined {
  return last === null ? undefined : (JSON.parse(last) as LastDrill)
}

export function isWrong({ checks }: LastDrill): boolean {
  return checks?.some(({ status }) => status === "failed") === true
}

/** What nobody counted may be large. */
function costOf({ snapshot }: Target): number {
  return snapshot.bytes ?? Number.MAX_SAFE_INTEGER
}
