import { acts } from "./acts.js"
import type { ListingFailure, RepositoryFacts } from "./facts.js"
import { type Obstacle, REASON_OF_FAILURE } from "./reasons.js"

/** How old a listing may be that a `restore` rests on (design 5.2). */
export const RESTORE_LISTING_MAX_AGE_MS = 5 * 60_000

/** Obstacles to believing that this is the declared repository, on the declared filesystem. */
export function placeObstacles(facts: RepositoryFacts): Obstacle[] {
  return [...fenceObstacles(facts), ...pinObstacles(facts)]
}

export function fenceObstacles(facts: RepositoryFacts): Obstacle[] {
  const repository = facts.name
  switch (facts.fence.kind) {
    case "holds":
    case "lent":
      return []
    case "broken":
      return [
        {
          code: "store_fenced",
          repository,
          message: `${fencedPart(facts.fence.store, repository)} is fenced: ${facts.fence.message}.`,
          hint:
            facts.fence.hint ??
            `Mount the filesystem again, or, after a move or rebuild, run \`${acts.acceptStore(facts.fence.store)}\`.`,
        },
      ]
    case "not_measured":
      return [
        {
          code: "store_not_checked",
          repository,
          message: `The store under repository "${repository}" has not been checked yet.`,
          hint: `Ask again in a few seconds; if it stays so, run \`${acts.doctor()}\`.`,
        },
      ]
  }
}

/** A directory that was only lent is part of no store. */
function fencedPart(store: string, repository: string): string {
  return store === ""
    ? `The directory of repository "${repository}"`
    : `The store "${store}" of repository "${repository}"`
}

export function pinObstacles(facts: RepositoryFacts): Obstacle[] {
  const repository = facts.name
  switch (facts.pin.kind) {
    case "matches":
      return []
    case "changed":
      return [
        {
          code: "repository_changed",
          repository,
          message: `${facts.place} holds repository ${facts.pin.found}, but ${facts.pin.pinned} is pinned there.`,
          hint: `Put the pinned repository back, or, if the change is meant, run \`${acts.acceptRepository(facts, facts.pin.found)}\`.`,
        },
      ]
    case "second_repository":
      return [
        {
          code: "second_repository",
          repository,
          message: `More than one repository lies at or below ${facts.place}: ${facts.pin.places.join(", ")}.`,
          hint: "Find out which one the movers use, and move the other out of the exported directory.",
        },
      ]
    case "not_measured":
      return [
        {
          code: "repository_not_pinned",
          repository,
          message: `The identity of repository "${repository}" has not been compared with its pin yet.`,
          hint: `Ask again in a few seconds; if it stays so, run \`${acts.doctor()}\`.`,
        },
      ]
  }
}

/** Obstacles to resting a `restore` on the listing that is there. */
export function recentListingObstacles(facts: RepositoryFacts): Obstacle[] {
  const listing = facts.listing
  if (listing.kind !== "listed") return listingMissing(facts)
  if (listing.laterFailure !== undefined && !survivable(listing.laterFailure)) {
    return [failureObstacle(facts, listing.laterFailure)]
  }
  // Written so that NaN is too old as well.
  if (!(listing.ageMs <= RESTORE_LISTING_MAX_AGE_MS)) {
    const failure = listing.laterFailure
    return [failure === undefined ? tooOld(facts, listing.ageMs) : failureObstacle(facts, failure)]
  }
  return []
}

/** Obstacles to believing that the listing shows what was there when the request arrived. */
export function listingAfterRequestObstacles(facts: RepositoryFacts, requestedAt: number): Obstacle[] {
  const listing = facts.listing
  if (listing.kind !== "listed") return listingMissing(facts)
  if (listing.laterFailure !== undefined) return [failureObstacle(facts, listing.laterFailure)]
  return listing.begunAt >= requestedAt ? [] : [tooOld(facts, listing.ageMs)]
}

/** A repository that changed under the reader, or a mount that hangs, says nothing against what was read a moment before. */
function survivable(failure: ListingFailure): boolean {
  return failure.code === "unstable" || failure.code === "timeout"
}

function listingMissing(facts: RepositoryFacts): Obstacle[] {
  if (facts.listing.kind === "failed") return [failureObstacle(facts, facts.listing)]
  return [
    {
      code: "not_listed_yet",
      repository: facts.name,
      message: `Repository "${facts.name}" has not been listed yet.`,
      hint: `Ask again in a few seconds; if it stays so, run \`${acts.doctor()}\`.`,
    },
  ]
}

function failureObstacle(facts: RepositoryFacts, failure: ListingFailure): Obstacle {
  const code = REASON_OF_FAILURE[failure.code]
  const hint = failure.hint ?? FAILURE_HINTS[code] ?? `Run \`${acts.doctor()}\`.`
  return {
    code,
    repository: facts.name,
    message: `Repository "${facts.name}" at ${facts.place}: ${failure.message}.`,
    hint:
      code === "index_lost"
        ? `${hint} If it was rolled back on purpose: \`${acts.acceptLostIndex(facts)}\`.`
        : hint,
  }
}

const FAILURE_HINTS: Partial<Record<string, string>> = {
  repository_missing: `Mount what holds it, or correct its path. For a place that is empty and meant to be, declare \`new: true\`.`,
  repository_unreadable: `Let the daemon's user read the directory, and look at the disk or mount: \`${acts.doctor()}\`.`,
  password_missing: "Give the repository's password in the document: `password: { file: … }`.",
  wrong_password: "Correct the password in the document; a trailing newline counts.",
  repository_corrupt: "Bring the named file back from a filesystem snapshot or a copy of the repository.",
  index_lost: "Bring the named index files back from a filesystem snapshot or a copy of the repository.",
  repository_unsupported: "Use a release of Cistern that knows this format.",
  repository_busy: "Ask again when the writer is done; the listing repeats itself.",
  second_repository: "Find out which one the movers use, and move the other out of the exported directory.",
}

function tooOld(facts: RepositoryFacts, ageMs: number): Obstacle {
  const age = Number.isFinite(ageMs)
    ? `${Math.max(0, ageMs / 1000).toFixed(1)} s old`
    : "of unknown age (the clock jumped)"
  return {
    code: "listing_too_old",
    repository: facts.name,
    message: `The newest listing of repository "${facts.name}" is ${age}.`,
    hint: `Ask again; if it stays so, the disk or mount does not answer in time: \`${acts.doctor()}\`.`,
  }
}
