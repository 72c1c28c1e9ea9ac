import { formatInstant } from "../../storage/instant.js"
import { placeObstacles, recentListingObstacles } from "./access.js"
import { acts } from "./acts.js"
import type { DamageFact, RepositoryFacts, SnapshotFact, VolumeFact } from "./facts.js"
import { findingObstacles, ledgerObstacles, notMeasured } from "./history.js"
import { type Obstacle, type Obstacles, obstaclesAmong } from "./reasons.js"

/**
 * Proof that the mover, started now, would restore exactly this volume's newest backup (design 5.2, rule 1). Only
 * `prove` can make one: the constructor is private, and so is the field that keeps look-alikes from passing for it.
 */
export class CertainPresence {
  readonly #snapshot: SnapshotFact

  private constructor(snapshot: SnapshotFact) {
    this.#snapshot = snapshot
  }

  static prove(facts: RepositoryFacts, volume: VolumeFact): CertainPresence | Obstacles {
    if (facts.pick.kind !== "snapshot") return [notMeasured(facts, "what the mover would pick")]
    const { candidates } = facts.pick
    const obstacles = obstaclesAmong([
      ...placeObstacles(facts),
      ...recentListingObstacles(facts),
      ...sharingObstacles(facts, volume),
      ...candidates.flatMap((candidate) => candidateObstacles(facts, candidate)),
      ...nameObstacles(facts),
      ...ledgerObstacles(facts),
      ...findingObstacles(facts),
    ])
    return obstacles ?? new CertainPresence(candidates[0])
  }

  /** The snapshot that the mover would take. */
  get snapshot(): SnapshotFact {
    return this.#snapshot
  }
}

function sharingObstacles(facts: RepositoryFacts, volume: VolumeFact): Obstacle[] {
  const { sharing, lookup, name } = facts
  if (sharing.kind === "alone") return []
  if (sharing.kind === "not_measured") return [notMeasured(facts, "who else may use the looked-up identity")]
  const others = sharing.with.length === 0 ? "another volume" : sharing.with.join(", ")
  const because = {
    altered: `the mover drops dots from names, so that ${others} may write to it too`,
    cut: `it has the 50 characters at which the mover cuts names, so that ${others} may write to it too`,
    claimed: `${others} may write to it too`,
    alternating: "two different trees alternate in its history",
    one_repository:
      "one restic repository serves several volumes, and its snapshots do not say of which they are",
  }[sharing.why]
  const separate =
    sharing.why === "one_repository"
      ? "Give every volume a repository of its own: `path: restic/{namespace}/{pvc}`."
      : `Give the volume a \`username\` of its own in its ReplicationSource and ReplicationDestination, or, if the history is its alone, say so in the repository's declaration: \`${acts.mapVolume(`${volume.namespace}/${volume.pvc}`, lookup)}\`.`
  return [
    {
      code: "shared_identity",
      repository: name,
      message: `${lookup} in repository "${name}" may hold another volume's snapshots: ${because}.`,
      hint: separate,
    },
  ]
}

function candidateObstacles(facts: RepositoryFacts, candidate: SnapshotFact): Obstacle[] {
  const taken = `Snapshot ${candidate.id} of ${formatInstant(candidate.start)}, which the mover would take,`
  const remove = `\`${acts.deleteSnapshot(facts.engine, candidate.id)}\``
  const obstacles: Obstacle[] = []
  if (!candidate.exact) {
    obstacles.push({
      code: "newest_other_path",
      repository: facts.name,
      message: `${taken} is of ${candidate.of}, not of ${facts.lookup}.`,
      hint: `Delete it with ${remove} if it is not needed, or make a backup under the looked-up name.`,
    })
  }
  if (candidate.incomplete !== undefined) {
    obstacles.push({
      code: "newest_incomplete",
      repository: facts.name,
      message: `${taken} is incomplete (${candidate.incomplete}).`,
      hint: `Let the next backup finish, or delete it with ${remove}${orRestoreAsOf(facts, candidate)}.`,
    })
  }
  if (candidate.damage.kind === "damaged") {
    obstacles.push({
      code: "newest_damaged",
      repository: facts.name,
      message: `${taken} is damaged: ${damageText(candidate.damage)}. ${soundText(facts)}`,
      hint: `Bring the damaged files back from a copy of the repository, or delete it with ${remove}${orRestoreAsOf(facts, candidate)}.${bringOut(facts)}`,
    })
  }
  return obstacles
}

function damageText({ reasons, paths = 0 }: Extract<DamageFact, { kind: "damaged" }>): string {
  const count = paths === 0 ? "" : ` (${paths} ${paths === 1 ? "file or folder" : "files and folders"})`
  return `${reasons.join(", ")}${count}`
}

function soundText({ history: { newestSound } }: RepositoryFacts): string {
  if (newestSound === undefined) return "No other complete snapshot of it is there that is not damaged."
  const { id, start, proven } = newestSound
  const how = proven === undefined ? "not verified yet" : `${proven.level} on ${formatInstant(proven.at)}`
  return `The newest that is not known to be damaged is ${id} of ${formatInstant(start)} (${how}).`
}

function orRestoreAsOf({ history: { newestSound } }: RepositoryFacts, avoided: SnapshotFact): string {
  if (newestSound === undefined || newestSound.start >= avoided.start) return ""
  return `, or set ${acts.restoreAsOf(newestSound.start)}`
}

function bringOut({ place, history: { newestSound } }: RepositoryFacts): string {
  return newestSound === undefined
    ? ""
    : ` Its files of then: \`${acts.restoreSnapshot(place, newestSound.id)}\`.`
}

/** Without the password a snapshot is known by its file alone, which proves something only in a volume's own repository. */
function nameObstacles(facts: RepositoryFacts): Obstacle[] {
  if (facts.listing.kind !== "listed" || facts.listing.depth === "contents") return []
  const password = "Give the repository's password in the document: `password: { file: … }`."
  if (!facts.perVolume || facts.engine !== "restic") {
    return [
      {
        code: "password_missing",
        repository: facts.name,
        message: `Without its password, repository "${facts.name}" does not say which volume a snapshot is of.`,
        hint: password,
      },
    ]
  }
  switch (facts.namesProven.kind) {
    case "proven":
      return []
    case "unproven":
      return [
        {
          code: "names_not_proven",
          repository: facts.name,
          message: `Without its password, repository "${facts.name}" cannot be trusted: ${facts.namesProven.what}.`,
          hint: password,
        },
      ]
    case "not_measured":
      return [notMeasured(facts, "whether the snapshot files are what their names say")]
  }
}
