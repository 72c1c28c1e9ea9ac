import type { Instant } from "../../storage/instant.js"
import type { FreshOnceFact } from "./facts.js"

/** How long "fresh once" lasts (design 5.2, rule 4). A Kyverno create asks three times, so it is a window, not a call. */
export const FRESH_ONCE_NANOSECONDS = 15n * 60n * 1_000_000_000n

export interface FreshOnceGrant {
  readonly by: string
  readonly grantedAt: Instant
}

/**
 * Whether a grant is open at `now`. It ends after 15 minutes, and earlier with the volume's first complete snapshot taken
 * since. `newestComplete`: start of the newest complete snapshot known; undefined: none.
 */
export function freshOnceFact(
  grant: FreshOnceGrant | undefined,
  now: Instant,
  newestComplete: Instant | undefined,
): FreshOnceFact {
  if (grant === undefined) return { kind: "not_granted" }
  const until = grant.grantedAt + FRESH_ONCE_NANOSECONDS
  // A clock set back must not stretch the window.
  if (now < grant.grantedAt || now >= until) return { kind: "not_granted" }
  if (newestComplete !== undefined && newestComplete >= grant.grantedAt) return { kind: "not_granted" }
  return { kind: "granted", by: grant.by, until }
}

/** An administrator's word that one volume may start empty. Only an open grant makes one. */
export class AdministratorsWord {
  readonly #by: string

  private constructor(by: string) {
    this.#by = by
  }

  static of(fact: FreshOnceFact): AdministratorsWord | undefined {
    return fact.kind === "granted" ? new AdministratorsWord(fact.by) : undefined
  }

  get rests(): "fresh_once" {
    return "fresh_once"
  }

  get by(): string {
    return this.#by
  }
}
