import { acts } from "./acts.js"
import { fenceObstacles, pinObstacles } from "./access.js"
import type { RepositoryFacts } from "./facts.js"
import { notMeasured } from "./history.js"
import { type Obstacle, REASON_OF_FAILURE } from "./reasons.js"

/** Whether the last look found no repository at all, nor anything that might be one. */
export function isEmptyPlace({ listing }: RepositoryFacts): boolean {
  return listing.kind === "failed" && (listing.code === "missing" || listing.code === "empty")
}

/**
 * What keeps an empty place from being certain to be a new one (design 5.2, the first backup): the fence must hold (a lent
 * directory has none), the document must say `new: true` for this very place, and nobody may ever have seen anything there.
 */
export function firstBackupObstacles(facts: RepositoryFacts, requestedAt: number): Obstacle[] {
  const { listing, firstBackup, name } = facts
  if (listing.kind !== "failed") return []
  const missing = (because: string, hint: string): Obstacle => ({
    code: REASON_OF_FAILURE[listing.code],
    repository: name,
    message: `Repository "${name}" at ${facts.place}: ${listing.message}; ${because}`,
    hint,
  })
  // There is nothing to compare a pin with; one that was found to differ belongs to no empty place.
  const obstacles = [
    ...fenceObstacles(facts),
    ...(facts.pin.kind === "not_measured" ? [] : pinObstacles(facts)),
  ]
  if (facts.fence.kind === "lent") {
    obstacles.push(
      missing(
        "an empty directory that was only lent proves nothing.",
        `Mount the repository at ${facts.place}.`,
      ),
    )
  }
  if (firstBackup.kind === "not_measured") {
    obstacles.push(missing("whether it is meant to be empty is not known yet.", `Run \`${acts.doctor()}\`.`))
    return obstacles
  }
  if (firstBackup.everSeen !== undefined) {
    obstacles.push(
      missing(
        `but ${firstBackup.everSeen} was seen there before.`,
        "Mount or bring back what was there; only an acknowledged loss makes this place new again.",
      ),
    )
  }
  if (!firstBackup.declaredNew) {
    obstacles.push(
      missing(
        "it was not declared to be new.",
        `If it is meant to be empty, declare \`new: true\`; else mount what belongs there.`,
      ),
    )
  }
  if (!firstBackup.empty) {
    obstacles.push(
      missing("and the place is not empty.", `Look at what lies in ${facts.place} and move it away.`),
    )
  }
  if (!(firstBackup.begunAt >= requestedAt && listing.begunAt >= requestedAt)) {
    obstacles.push({ ...notMeasured(facts, "whether the place is still empty"), code: "listing_too_old" })
  }
  return obstacles
}
