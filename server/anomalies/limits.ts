import { type AnomalySettings, parseAge, type RepositoryAnomalies } from "../config/index.js"
import type { AnomalyCode } from "./codes.js"

/** From where on something is odd. Shares are percent, times milliseconds. */
export interface AnomalyLimits {
  /** With how many complete snapshots before it one is compared; what fell is told for as many. */
  readonly window: number
  /** Lost: at least so much of what was usual, and at least so many files or bytes. */
  readonly lostPercent: number
  readonly lostFiles: number
  readonly lostBytes: number
  /** Grown: so many times what was usual, and by so many bytes. */
  readonly growthFactor: number
  readonly growthBytes: number
  /** How often backups are to be made; undefined: as often as they were until now. */
  readonly intervalMs: number | undefined
  /** How many intervals may pass without a complete snapshot. */
  readonly missedIntervals: number
  /** How long a first backup may take until it is told that none was ever complete. */
  readonly firstBackupMs: number
  /** How many begun and not completed runs, or marks of killed writers, are too many. */
  readonly restarts: number
  /** Smaller files of zeros are nothing to tell. */
  readonly zeroBytes: number
  readonly rewrittenPercent: number
  readonly deletedPercent: number
  /** Of fewer files nothing is told as rewritten, renamed or deleted. */
  readonly changedFiles: number
  /** Not told at all. */
  readonly off: readonly AnomalyCode[]
}

const HOUR_MS = 3_600_000
const MiB = 1024 * 1024

export const usualLimits: AnomalyLimits = {
  window: 10,
  lostPercent: 50,
  lostFiles: 10,
  lostBytes: MiB,
  growthFactor: 3,
  growthBytes: 1024 * MiB,
  intervalMs: undefined,
  missedIntervals: 2,
  firstBackupMs: 24 * HOUR_MS,
  restarts: 3,
  zeroBytes: 4096,
  rewrittenPercent: 80,
  deletedPercent: 50,
  changedFiles: 20,
  off: [],
}

/** What holds for a volume, or for what no volume is known of: its own settings before the repository's before the usual ones. */
export function limitsOf(
  settings: RepositoryAnomalies | undefined,
  volume: string | undefined,
): AnomalyLimits {
  const { volumes, ...repository } = settings ?? { volumes: {} }
  const own = volume === undefined ? undefined : volumes[volume]
  return withSettings(withSettings(usualLimits, repository), own ?? {})
}

function withSettings(
  limits: AnomalyLimits,
  { interval, firstBackup, ...plain }: AnomalySettings,
): AnomalyLimits {
  return {
    ...limits,
    ...plain,
    intervalMs: (interval === undefined ? undefined : parseAge(interval)) ?? limits.intervalMs,
    firstBackupMs: (firstBackup === undefined ? undefined : parseAge(firstBackup)) ?? limits.firstBackupMs,
  }
}
