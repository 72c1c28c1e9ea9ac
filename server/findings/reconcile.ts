import { type KeptFact, keptFacts } from "./clip.js"
import { isWorse, type Looked, type Severity } from "./finding.js"

/** What is known of one thing of the scope that was looked at. */
export interface Known {
  readonly id: number
  readonly key: string
  readonly state: "open" | "acknowledged" | "closed"
  readonly severity: Severity
  readonly told: string
  /** It came back soon after it was gone. */
  readonly unsteady: boolean
  /** Unix milliseconds. Since then no look found it. */
  readonly absentSince: number | undefined
  /** Since then it could not be looked at. */
  readonly unsureSince: number | undefined
  readonly closedAt: number | undefined
  /** An acknowledgement that is or was in force; `until` undefined: until it is gone. */
  readonly acknowledged: { readonly until: number | undefined } | undefined
}

export type Change =
  | { readonly kind: "open"; readonly fact: KeptFact }
  /** It was closed and is there again. `acknowledged`: what was said of it a moment ago still counts. */
  | {
      readonly kind: "reopen"
      readonly id: number
      readonly fact: KeptFact
      readonly unsteady: boolean
      readonly acknowledged: boolean
    }
  /** Something else is told of it. `worse`: an acknowledgement was for less than this. */
  | { readonly kind: "tell"; readonly id: number; readonly fact: KeptFact; readonly worse: boolean }
  /** It is there again before it was closed. */
  | { readonly kind: "back"; readonly id: number }
  /** It is not there, and has to stay away before that is believed. */
  | { readonly kind: "absent"; readonly id: number }
  /** It could not be looked at this time, though others were: nothing is said of it. */
  | { readonly kind: "unsure"; readonly id: number }
  | { readonly kind: "close"; readonly id: number }

export interface Terms {
  /** Unix milliseconds. */
  readonly now: number
  /** How many more of this source may be opened. */
  readonly room: number
  /** How long one that came and went has to stay away. */
  readonly settleMs: number
  /** Whether a thing could not be looked at, by its key. */
  readonly isUnsure?: (key: string) => boolean
}

export interface Reconciled {
  readonly changes: readonly Change[]
  /** What was found and is not kept, the least important ones. */
  readonly left: readonly KeptFact[]
}

/** The code of what stands for those that are not kept. */
export const MORE = "more_findings"

/** One that comes back within it comes and goes. */
export const UNSTEADY_MS = 24 * 3_600_000

/**
 * Compares what is known of a scope with everything that is found there now. `known`: the open ones, and of the closed ones those
 * that are found again. Pure. Found is kept: what is new opens, what is gone closes, at once, unless it came and went within a day.
 */
export function reconcile(
  known: readonly Known[],
  facts: readonly KeptFact[],
  { now, room, settleMs, isUnsure = () => false }: Terms,
): Reconciled {
  const byKey = new Map(known.map((one) => [one.key, one]))
  const found = new Set(facts.map(({ key }) => key))
  const gone = known
    .filter(({ state, key }) => state !== "closed" && !found.has(key))
    .flatMap((one) => (isUnsure(one.key) ? unsureChange(one) : goneChange(one, now, settleMs)))
  const closing = gone.filter(({ kind }) => kind === "close").length
  const changes: Change[] = [...gone]
  const left: KeptFact[] = []
  let free = room + closing
  for (const fact of facts) {
    const one = byKey.get(fact.key)
    if (one !== undefined && one.state !== "closed") {
      changes.push(...stillThere(one, fact))
    } else if (free > 0) {
      free--
      changes.push(one === undefined ? { kind: "open", fact } : reopened(one, fact, now))
    } else left.push(fact)
  }
  return { changes, left }
}

function unsureChange({ id, unsureSince }: Known): Change[] {
  return unsureSince === undefined ? [{ kind: "unsure", id }] : []
}

function goneChange({ id, unsteady, absentSince }: Known, now: number, settleMs: number): Change[] {
  if (!unsteady) return [{ kind: "close", id }]
  if (absentSince === undefined) return settleMs === 0 ? [{ kind: "close", id }] : [{ kind: "absent", id }]
  // A clock that was set back must not keep it open for ever.
  const away = now - absentSince
  return away >= settleMs || away < 0 ? [{ kind: "close", id }] : []
}

function stillThere(one: Known, fact: KeptFact): Change[] {
  const { id, absentSince, unsureSince, told } = one
  return [
    ...(absentSince === undefined && unsureSince === undefined ? [] : [{ kind: "back" as const, id }]),
    ...(told === fact.told
      ? []
      : [{ kind: "tell" as const, id, fact, worse: isWorse(fact.fact.severity, one.severity) }]),
  ]
}

function reopened({ id, closedAt, severity, acknowledged }: Known, fact: KeptFact, now: number): Change {
  const unsteady = closedAt !== undefined && now - closedAt < UNSTEADY_MS
  const inForce = acknowledged !== undefined && (acknowledged.until === undefined || acknowledged.until > now)
  return {
    kind: "reopen",
    id,
    fact,
    unsteady,
    acknowledged: unsteady && inForce && !isWorse(fact.fact.severity, severity),
  }
}

/** The same, with one finding more that stands for those that are not kept, so that nothing is left out in silence. */
export function reconcileWithin(
  { source, scope }: Looked,
  known: readonly Known[],
  facts: readonly KeptFact[],
  terms: Terms,
): readonly Change[] {
  const isMore = ({ key }: { readonly key: string }): boolean => key.startsWith(`["${MORE}",`)
  const { changes, left } = reconcile(
    known.filter((one) => !isMore(one)),
    facts.filter((one) => !isMore(one)),
    terms,
  )
  const more = moreFact(source, scope, left)
  const rest = reconcile(known.filter(isMore), more === undefined ? [] : [more], { ...terms, room: 1 })
  return [...changes, ...rest.changes]
}

function moreFact(source: string, scope: string, left: readonly KeptFact[]): KeptFact | undefined {
  const [worst] = left
  if (worst === undefined) return undefined
  const [more] = keptFacts([
    {
      code: MORE,
      severity: worst.fact.severity,
      subject: { kind: "source", key: `${source} ${scope}` },
      title: `${left.length} more findings of ${source} are not kept`,
      hint: "So many have one cause: mend what is told first, and the rest is told then.",
      evidence: { count: left.length, codes: [...new Set(left.map(({ fact }) => fact.code))].slice(0, 20) },
    },
  ])
  return more
}
