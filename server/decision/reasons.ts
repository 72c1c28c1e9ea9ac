import type { StorageErrorCode } from "../../storage/errors.js"

/**
 * Every reason for `unknown`, in the order in which they are told: of several that apply, the first of this table wins, and
 * of two with the same code the restore repository's. Codes are stable; sentences may change.
 */
export const REASONS = {
  cluster_unclear: "It is not certain which cluster asks.",
  no_restore_repository: "No repository is declared that this volume would be restored from.",

  store_fenced: "The store is not the mounted filesystem that it was when it was set up.",
  store_not_checked: "The store has not been checked yet.",
  repository_missing: "No repository is where one was declared.",
  repository_unreadable: "The repository's files cannot be read.",
  password_missing: "The repository's password is not known, and without it the answer is not certain.",
  wrong_password: "The password does not open the repository.",
  repository_corrupt: "A metadata file of the repository is damaged.",
  index_lost: "Index files of the repository are gone, so that its list of snapshots is not whole.",
  repository_unsupported: "The repository uses a feature that this reader does not know.",
  repository_busy: "The repository changes faster than it can be read, or is being converted.",
  repository_changed: "Another repository is in the place of the pinned one.",
  second_repository: "More than one repository lies in one place.",
  repository_not_pinned: "The repository's identity has not been compared with its pin yet.",
  not_listed_yet: "The repository has not been listed yet.",
  listing_too_old: "The newest listing of the repository is too old to rest this answer on.",

  shared_identity: "The identity that the mover looks up may be another volume's.",
  newest_other_path: "The snapshot that the mover would take is of another path.",
  newest_incomplete: "The snapshot that the mover would take is incomplete.",
  newest_damaged: "The snapshot that the mover would take is damaged.",
  names_not_proven: "Without the password, the snapshot files could not be proven whole.",
  only_under_guard: "Only a repository that the mover does not restore from holds snapshots of this volume.",
  only_under_written_name: "Snapshots of this volume exist, but not under the name that the mover looks up.",
  newest_known_gone: "The newest complete snapshot that was ever seen is gone.",
  backup_running: "A backup of this volume is being written.",
  similar_identity: "An identity that looks like this volume's is claimed by nobody.",
  convention_mismatch:
    "The repository holds snapshots, but none that its mover would restore: none is named as the conventions say, or, with restic, is of /data.",
  held_by_finding: "A finding holds the answer back for this volume.",
  state_not_durable: "The ledger does not outlive this process, so that an empty answer proves nothing.",
  not_measured: "A fact that the answer needs has not been measured yet.",
} as const

export type ReasonCode = keyof typeof REASONS

/** What stands between a volume and a certain answer. */
export interface Obstacle {
  readonly code: ReasonCode
  /** What is so, with names and numbers. */
  readonly message: string
  /** What makes it certain: an act. */
  readonly hint: string
  readonly repository?: string
}

export type Obstacles = readonly [Obstacle, ...Obstacle[]]

/** Undefined when nothing stands in the way. */
export function obstaclesAmong(obstacles: readonly Obstacle[]): Obstacles | undefined {
  const [first, ...rest] = obstacles
  return first === undefined ? undefined : [first, ...rest]
}

const order = new Map(Object.keys(REASONS).map((code, index) => [code, index]))

/** The obstacle to tell: the first by the table, then by the order given. */
export function firstObstacle(obstacles: Obstacles): Obstacle {
  const rank = (obstacle: Obstacle): number => order.get(obstacle.code) ?? order.size
  return obstacles.reduce((first, next) => (rank(next) < rank(first) ? next : first))
}

/** The reason that a failed listing is. A new StorageErrorCode without a reason does not compile. */
export const REASON_OF_FAILURE: Record<StorageErrorCode, ReasonCode> = {
  missing: "repository_missing",
  empty: "repository_missing",
  not_a_repository: "repository_missing",
  two_repositories: "second_repository",
  unreadable: "repository_unreadable",
  io: "repository_unreadable",
  timeout: "repository_unreadable",
  no_space: "repository_unreadable",
  occupied: "repository_unreadable",
  invalid: "repository_unreadable",
  password_missing: "password_missing",
  wrong_password: "wrong_password",
  corrupt: "repository_corrupt",
  index_lost: "index_lost",
  unsupported: "repository_unsupported",
  upgrading: "repository_busy",
  unstable: "repository_busy",
}
