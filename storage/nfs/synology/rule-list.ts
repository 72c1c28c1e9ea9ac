import { type HeldRule, newRule, type NfsRule } from "../../nas/synology/index.js"
import { networkOfRule } from "./rules.js"

// The list of NFS rules of one of DSM's shared folders. DSM takes it as a whole only, and no rule in it says whose it is.

/** Two with the same key are the same rule, however the client is spelled. */
function keyOf(rule: NfsRule): string {
  const { privilege, squash, async: asynchronous, insecure, crossMounts, security } = rule
  return JSON.stringify([whoOf(rule), privilege, squash, asynchronous, insecure, crossMounts, security])
}

/** Which of the rules that are held are ours: each of ours is at most one of them. */
export function claimedOf(held: readonly HeldRule[], mine: readonly NfsRule[]): ReadonlySet<HeldRule> {
  const open = new Set(mine.map(keyOf))
  return new Set(held.filter(({ rule }) => open.delete(keyOf(rule))))
}

/**
 * Rules that are not ours for clients that have to be: of a client that is wanted and has none that is right, or of one of `own`,
 * which were applied last, whose rule is no longer there as it was left. `mine` are `own` and what else may be ours.
 */
export function disputedOf(
  held: readonly HeldRule[],
  { own, mine, wanted }: Readonly<Record<"own" | "mine" | "wanted", readonly NfsRule[]>>,
): readonly HeldRule[] {
  const claimed = claimedOf(held, mine)
  const ours = [...claimed].map(({ rule }) => rule)
  const right = new Set(ours.map(keyOf))
  const there = networksOf(ours)
  const needed = new Set([
    ...[...networksOf(own)].filter((network) => !there.has(network)),
    ...networksOf(wanted.filter((rule) => !right.has(keyOf(rule)))),
  ])
  return held.filter((one) => !claimed.has(one) && needed.has(whoOf(one.rule)))
}

/** The list with `wanted` in place of what is ours: everything else stays as it is and where it is. */
export function mergedList(
  held: readonly HeldRule[],
  claimed: ReadonlySet<HeldRule>,
  wanted: readonly NfsRule[],
): readonly HeldRule[] {
  const kept = claimedOf(
    held.filter((one) => claimed.has(one)),
    wanted,
  )
  const keptKeys = new Set([...kept].map(({ rule }) => keyOf(rule)))
  const coming = wanted.filter((rule) => !keptKeys.has(keyOf(rule)))
  const take = (at: number): HeldRule[] => (at < 0 ? [] : coming.splice(at, 1).map(newRule))
  const list = held.flatMap((one) => {
    if (!claimed.has(one) || kept.has(one)) return [one]
    // What changed stays in its place.
    return take(coming.findIndex((rule) => whoOf(rule) === whoOf(one.rule)))
  })
  return [...list, ...coming.map(newRule)]
}

/** Whether both lists hold the same rules. Their order is DSM's own affair. */
export function sameList(one: readonly HeldRule[], other: readonly HeldRule[]): boolean {
  return one.length === other.length && missingIn(one, other).length === 0
}

/** Which of the rules of a list another one does not hold, or not as often. */
export function missingIn(list: readonly HeldRule[], other: readonly HeldRule[]): readonly HeldRule[] {
  const there = other.map(({ rule }) => keyOf(rule))
  return list.filter(({ rule }) => {
    const at = there.indexOf(keyOf(rule))
    if (at >= 0) there.splice(at, 1)
    return at < 0
  })
}

/** A rule's client in its one spelling. */
export function whoOf(rule: NfsRule): string {
  return networkOfRule(rule) ?? rule.client
}

export function networksOf(rules: readonly NfsRule[]): ReadonlySet<string> {
  return new Set(rules.map(whoOf))
}
