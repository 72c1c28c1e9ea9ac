import { formatInstant } from "../../storage/instant.js"
import { listingAfterRequestObstacles, placeObstacles } from "./access.js"
import { acts } from "./acts.js"
import type { DecisionFacts, RepositoryFacts, VolumeFact } from "./facts.js"
import { firstBackupObstacles, isEmptyPlace } from "./first-backup.js"
import { findingObstacles, ledgerObstacles, notMeasured } from "./history.js"
import { type Obstacle, type Obstacles, obstaclesAmong } from "./reasons.js"

/** How old the oldest complete snapshot must be where the ledger does not last (design 5.2, drop-in). */
export const PROVEN_REPOSITORY_AGE_MS = 24 * 3_600_000

/** Facts of a volume that some repository restores. */
export type ServedFacts = DecisionFacts & { readonly restore: { readonly kind: "repository" } }

/**
 * Proof that no repository held any snapshot of the volume when the request arrived (design 5.2, rule 2). Only `prove` can
 * make one: the constructor is private, and so is the field that keeps look-alikes from passing for it.
 */
export class CertainAbsence {
  readonly #rests: "nothing_found" | "first_backup"

  private constructor(rests: "nothing_found" | "first_backup") {
    this.#rests = rests
  }

  static prove(facts: ServedFacts): CertainAbsence | Obstacles {
    const restore = facts.restore.facts
    const obstacles = obstaclesAmong([
      ...repositoryObstacles(restore, facts),
      ...otherNameObstacles(restore, facts.volume),
      ...facts.guards.flatMap((guard) => [
        ...repositoryObstacles(guard, facts),
        ...guardObstacles(guard, facts.volume),
      ]),
      ...durabilityObstacles(facts, restore),
    ])
    return obstacles ?? new CertainAbsence(isEmptyPlace(restore) ? "first_backup" : "nothing_found")
  }

  get rests(): "nothing_found" | "first_backup" {
    return this.#rests
  }
}

/** What keeps one repository, whatever its role, from being certain to hold nothing. */
function repositoryObstacles(facts: RepositoryFacts, { requestedAt, volume }: DecisionFacts): Obstacle[] {
  return [
    ...(isEmptyPlace(facts)
      ? firstBackupObstacles(facts, requestedAt)
      : nothingListedObstacles(facts, requestedAt)),
    ...(facts.ledger.kind === "newest_gone" ? ledgerObstacles(facts) : []),
    ...(facts.running.kind === "running" ? runningObstacles(facts) : []),
    ...similarObstacles(facts, volume),
    ...findingObstacles(facts),
  ]
}

/** An empty place says all this by being empty; a listing only where somebody looked. */
function nothingListedObstacles(facts: RepositoryFacts, requestedAt: number): Obstacle[] {
  return [
    ...placeObstacles(facts),
    ...listingAfterRequestObstacles(facts, requestedAt),
    ...depthObstacles(facts),
    ...(facts.pick.kind === "not_measured" ? [notMeasured(facts, "what the mover would pick")] : []),
    ...(facts.elsewhere.kind === "not_measured"
      ? [notMeasured(facts, "what it holds under other names")]
      : []),
    ...(facts.ledger.kind === "not_measured" ? ledgerObstacles(facts) : []),
    ...(facts.running.kind === "not_measured" ? runningObstacles(facts) : []),
    ...conventionObstacles(facts),
  ]
}

function depthObstacles(facts: RepositoryFacts): Obstacle[] {
  if (facts.listing.kind !== "listed" || facts.listing.depth === "contents") return []
  return [
    {
      code: "password_missing",
      repository: facts.name,
      message: `Without its password, it is not certain that repository "${facts.name}" holds nothing of this volume.`,
      hint: "Give the repository's password in the document: `password: { file: … }`.",
    },
  ]
}

function otherNameObstacles(facts: RepositoryFacts, volume: VolumeFact): Obstacle[] {
  if (facts.elsewhere.kind === "not_measured") return []
  return facts.elsewhere.held.map(({ identity, why, snapshots }) => ({
    code: "only_under_written_name",
    repository: facts.name,
    message: `The mover looks up ${facts.lookup} and would restore nothing; ${snapshots} ${snapshots === 1 ? "snapshot" : "snapshots"} of this volume ${snapshots === 1 ? "is" : "are"} under ${identity} (${OTHER_NAME[why]}).`,
    hint: `Let the ReplicationDestination read ${identity} (\`sourceIdentity\`, or \`username\` and \`hostname\`) and declare it: \`${acts.mapVolume(`${volume.namespace}/${volume.pvc}`, identity)}\`.`,
  }))
}

const OTHER_NAME = {
  written: "the name its backups are written under",
  earlier: "a further convention of the repository",
  mapped: "mapped to it by an administrator",
}

function guardObstacles(facts: RepositoryFacts, { namespace, pvc }: VolumeFact): Obstacle[] {
  const names = facts.elsewhere.kind === "looked" ? facts.elsewhere.held.map((held) => held.identity) : []
  if (facts.pick.kind === "snapshot") names.unshift(facts.lookup)
  if (names.length === 0) return []
  return [
    {
      code: "only_under_guard",
      repository: facts.name,
      message: `Repository "${facts.name}", which the mover does not restore from, holds snapshots of this volume: ${names.join(", ")}.`,
      hint: `Restore from "${facts.name}" by hand or let the mover restore from it; to start empty all the same, \`${acts.freshOnce(`${namespace}/${pvc}`)}\`.`,
    },
  ]
}

function runningObstacles(facts: RepositoryFacts): Obstacle[] {
  switch (facts.running.kind) {
    case "none":
      return []
    case "running":
      return [
        {
          code: "backup_running",
          repository: facts.name,
          message: `${facts.running.writer} is writing to repository "${facts.name}" (last sign of life ${formatInstant(facts.running.lastSeen)}).`,
          hint: "Ask again when the backup has ended; a killed writer's mark grows old by itself.",
        },
      ]
    case "not_measured":
      return [notMeasured(facts, "whether a backup is running")]
  }
}

function similarObstacles(facts: RepositoryFacts, volume: VolumeFact): Obstacle[] {
  if (facts.similar.kind === "not_measured") return [notMeasured(facts, "whether similar identities exist")]
  const name = `${volume.namespace}/${volume.pvc}`
  return facts.similar.found.map(({ identity, why }) => ({
    code: "similar_identity",
    repository: facts.name,
    message: `Repository "${facts.name}" holds ${identity}, which may be this volume's (${why}), and nobody claims it.`,
    hint: `Say once whose it is, in the repository's declaration: \`${acts.mapVolume(name, identity)}\`, or \`${acts.dismiss(identity)}\`.`,
  }))
}

function conventionObstacles(facts: RepositoryFacts): Obstacle[] {
  switch (facts.conventions.kind) {
    case "match":
    case "nothing_there":
      return []
    case "match_none":
      if (facts.engine === "restic") {
        return [
          {
            code: "convention_mismatch",
            repository: facts.name,
            message: `Repository "${facts.name}" holds snapshots in ${facts.lookup}, but none of /data, which is what VolSync's restic mover writes and restores.`,
            hint: `Look at what they are of (\`cistern snapshots\`): another program wrote them, or the directory is another volume's.`,
          },
        ]
      }
      return [
        {
          code: "convention_mismatch",
          repository: facts.name,
          message: `Repository "${facts.name}" holds snapshots, but none is named as its conventions say; by them every volume would look new.`,
          hint: `Compare the names (\`cistern snapshots\`) with \`conventions:\` in the document; here ${facts.lookup} was looked for.`,
        },
      ]
    case "not_measured":
      return [notMeasured(facts, "whether its snapshots are named as its conventions say")]
  }
}

function durabilityObstacles(facts: DecisionFacts, restore: RepositoryFacts): Obstacle[] {
  if (facts.state.kind === "lasts") return []
  if (facts.state.kind === "not_measured") return [notMeasured(restore, "whether the state directory lasts")]
  const age = restore.oldestCompleteAgeMs
  if (age !== undefined && age > PROVEN_REPOSITORY_AGE_MS) return []
  return [
    {
      code: "state_not_durable",
      repository: restore.name,
      message: `The state directory ${facts.state.directory} does not outlive this process (${facts.state.why}), and repository "${restore.name}" holds no complete snapshot older than 24 h that would prove it to be the right one.`,
      hint: `Mount a volume at ${facts.state.directory}.`,
    },
  ]
}
