import { formatInstant } from "../../storage/instant.js"
import { acts } from "./acts.js"
import type { RepositoryFacts } from "./facts.js"
import type { Obstacle } from "./reasons.js"

/** What was there before and is not any more (design 5.4). Holds back a yes and a no alike. */
export function ledgerObstacles(facts: RepositoryFacts): Obstacle[] {
  const { ledger, retention, name } = facts
  switch (ledger.kind) {
    case "never_seen":
    case "newest_present":
      return []
    case "newest_gone":
      if (retention.kind === "explains_loss") return []
      return [
        {
          code: "newest_known_gone",
          repository: name,
          message: `The complete snapshot of ${ledger.identity} taken at ${formatInstant(ledger.start)} was in repository "${name}" and is gone, and no newer complete one is there.`,
          hint: `Bring the repository back to a later state (a filesystem snapshot, a copy), or, if the loss is meant, run \`${acts.acceptLoss(facts, ledger.identity)}\`.`,
        },
      ]
    case "not_measured":
      return [notMeasured(facts, "what the ledger remembers of this volume")]
  }
}

/** Findings that an administrator set to hold this volume's answer back. None measured means none set. */
export function findingObstacles(facts: RepositoryFacts): Obstacle[] {
  if (facts.findings.kind === "not_measured") return []
  return facts.findings.blocking.map((finding) => ({
    code: "held_by_finding",
    repository: facts.name,
    message: `Finding ${finding.code}: ${finding.message}`,
    hint: "Look at the finding and resolve or dismiss it; it was set to hold this volume's answer back.",
  }))
}

export function notMeasured(facts: RepositoryFacts, what: string): Obstacle {
  return {
    code: "not_measured",
    repository: facts.name,
    message: `Of repository "${facts.name}", ${what} has not been measured yet.`,
    hint: `Ask again in a few seconds; if it stays so, run \`${acts.doctor()}\`.`,
  }
}
