import { StorageError } from "../../errors.js"
import type { FilesystemSnapshot } from "./snapshot.js"

/** How many to keep: the newest ones, and the newest of each hour, day, week (from Monday) and month in UTC. */
export interface SnapshotPolicy {
  readonly keepLast: number
  readonly keepHourly: number
  readonly keepDaily: number
  readonly keepWeekly: number
  readonly keepMonthly: number
  /** Milliseconds. What is younger is kept. */
  readonly minimumAge: number
}

export interface SnapshotVerdict {
  readonly snapshot: FilesystemSnapshot
  /** Why it is kept or removed, in words. Never empty. */
  readonly reasons: readonly string[]
}

export interface SnapshotVerdicts {
  readonly remove: readonly SnapshotVerdict[]
  readonly keep: readonly SnapshotVerdict[]
}

/** What was interrupted may still be under way for so long. */
const UNFINISHED_MS = 3_600_000
const DAY_MS = 86_400_000

/**
 * Which filesystem snapshots of one place may go. Never those of others, those that are held or unclear, and never the newest
 * one that is whole. Those with a time of expiry live until then, and no rule counts them. Throws StorageError `invalid` for a
 * policy that is not made of whole numbers.
 */
export function snapshotsToRemove(
  list: readonly FilesystemSnapshot[],
  policy: SnapshotPolicy,
  now: Date,
): SnapshotVerdicts {
  requireNumbers(policy)
  const newestFirst = [...list].sort((one, other) => other.createdAt - one.createdAt || compare(one, other))
  const newest = newestFirst.find(({ ours, state }) => ours && state === "whole")
  const ruled = reasonsByRule(newestFirst.filter(isRuled), policy)
  const verdicts = newestFirst.map((snapshot) => {
    const reasons = [
      ...protections(snapshot, snapshot === newest, policy, now.getTime()),
      ...(ruled.get(snapshot) ?? []),
    ]
    return reasons.length > 0
      ? { snapshot, reasons, goes: false }
      : { snapshot, reasons: [whyItGoes(snapshot)], goes: true }
  })
  const of = (goes: boolean): SnapshotVerdict[] =>
    verdicts
      .filter((verdict) => verdict.goes === goes)
      .map(({ snapshot, reasons }) => ({ snapshot, reasons }))
  return { remove: of(true), keep: of(false) }
}

function isRuled({ ours, state, expiresAt }: FilesystemSnapshot): boolean {
  return ours && state === "whole" && expiresAt === undefined
}

function protections(
  { ours, state, holds, createdAt, expiresAt }: FilesystemSnapshot,
  isNewest: boolean,
  { minimumAge }: SnapshotPolicy,
  now: number,
): string[] {
  if (!ours) return ["not one of Cistern's"]
  const age = now - createdAt
  return [
    state === "unclear" && "what is kept of it cannot be read",
    holds.length > 0 && `held by ${holds.join(", ")}`,
    isNewest && "the newest",
    state === "unfinished" && age < UNFINISHED_MS && "may still be under way",
    // Also after a clock that ran ahead was set right.
    state !== "unfinished" && (age < minimumAge || age < 0) && "younger than the minimum age",
    state !== "unfinished" &&
      expiresAt !== undefined &&
      expiresAt > now &&
      `needed until ${new Date(expiresAt).toISOString()}`,
  ].filter((reason) => reason !== false)
}

function whyItGoes({ state, expiresAt }: FilesystemSnapshot): string {
  if (state === "unfinished") return "was never finished"
  return expiresAt === undefined ? "no rule keeps it" : `expired at ${new Date(expiresAt).toISOString()}`
}

function reasonsByRule(
  newestFirst: readonly FilesystemSnapshot[],
  policy: SnapshotPolicy,
): Map<FilesystemSnapshot, string[]> {
  const reasons = new Map<FilesystemSnapshot, string[]>()
  const rules = [
    { most: policy.keepLast, word: "last", periodOf: ({ name }: FilesystemSnapshot) => name },
    { most: policy.keepHourly, word: "hourly", periodOf: (one: FilesystemSnapshot) => iso(one).slice(0, 13) },
    { most: policy.keepDaily, word: "daily", periodOf: (one: FilesystemSnapshot) => iso(one).slice(0, 10) },
    { most: policy.keepWeekly, word: "weekly", periodOf: weekOf },
    {
      most: policy.keepMonthly,
      word: "monthly",
      periodOf: (one: FilesystemSnapshot) => iso(one).slice(0, 7),
    },
  ]
  for (const { most, word, periodOf } of rules) {
    const periods = new Set<string>()
    for (const snapshot of newestFirst) {
      const period = periodOf(snapshot)
      if (periods.has(period) || periods.size >= most) continue
      periods.add(period)
      reasons.set(snapshot, [...(reasons.get(snapshot) ?? []), `${word} ${periods.size}`])
    }
  }
  return reasons
}

function iso({ createdAt }: FilesystemSnapshot): string {
  return new Date(createdAt).toISOString()
}

/** The Monday that it follows. The first of January 1970 was a Thursday. */
function weekOf({ createdAt }: FilesystemSnapshot): string {
  return String(Math.floor((createdAt / DAY_MS + 3) / 7))
}

function compare(one: FilesystemSnapshot, other: FilesystemSnapshot): number {
  if (one.name === other.name) return 0
  return one.name < other.name ? 1 : -1
}

function requireNumbers(policy: SnapshotPolicy): void {
  for (const [rule, value] of Object.entries(policy)) {
    if (Number.isSafeInteger(value) && value >= 0) continue
    throw new StorageError("invalid", `${rule} cannot be ${String(value)}`, {
      facts: { rule },
      hint: "Give whole numbers, 0 or more.",
    })
  }
}
