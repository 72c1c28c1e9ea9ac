import type { IntegrityLevel, StoredDamage, StoredIntegrity } from "../db/index.js"

/** From the least that can be known of a snapshot to the most. A proof by one level proves those before it, too. */
export const LEVELS = ["listed", "reachable", "read", "restored"] as const satisfies readonly IntegrityLevel[]

/** What one run found of one snapshot, by one level. */
export type IntegrityResult =
  | { readonly ok: true; readonly level: IntegrityLevel; readonly at: number }
  | ({ readonly ok: false } & StoredDamage)

export type Judged = Pick<StoredIntegrity, "proven" | "damage">

export const nothingProven: Judged = {
  proven: { listed: undefined, reachable: undefined, read: undefined, restored: undefined },
  damage: undefined,
}

export function isAsDeep(one: IntegrityLevel, other: IntegrityLevel): boolean {
  return LEVELS.indexOf(one) >= LEVELS.indexOf(other)
}

/**
 * What is to be said of a snapshot after one more result. Damage that a deep look found is not withdrawn by a shallow one that sees
 * nothing wrong, nor by a result that is older than it.
 */
export function afterResult({ proven, damage }: Judged, result: IntegrityResult): Judged {
  const { level, at } = result
  if (!result.ok) {
    const { reasons, paths, sample, run } = result
    const found = { level, at, reasons, paths, sample, run }
    return { proven, damage: damage === undefined ? found : both(damage, found) }
  }
  const later = Math.max(at, proven[level] ?? at)
  const refuted = damage !== undefined && isAsDeep(level, damage.level) && at >= damage.at
  return { proven: { ...proven, [level]: later }, damage: refuted ? undefined : damage }
}

function both(before: StoredDamage, found: StoredDamage): StoredDamage {
  const deeper = isAsDeep(found.level, before.level)
  if (deeper && found.at >= before.at) return found
  return {
    ...before,
    level: deeper ? found.level : before.level,
    at: Math.max(before.at, found.at),
    reasons: [...new Set([...before.reasons, ...found.reasons])],
    paths: Math.max(before.paths, found.paths),
    sample: [...new Set([...before.sample, ...found.sample])].slice(0, MOST_SAMPLE),
  }
}

/** Paths that are kept of one damaged snapshot. */
export const MOST_SAMPLE = 20

/** The deepest proof that counts, and when it was; damage that is known aside. */
export function deepestProof({ proven }: Judged): { level: IntegrityLevel; at: number } | undefined {
  for (const level of [...LEVELS].reverse()) {
    const at = proven[level]
    if (at !== undefined) return { level, at }
  }
  return undefined
}
