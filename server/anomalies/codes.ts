/** What can be odd about backups that are intact. Stable: mutes and settings name them. */
export const ANOMALY_CODES = [
  /** A source that had files has none. */
  "emptied",
  "files_lost",
  "bytes_lost",
  "growth",
  "unknown_writer",
  "in_future",
  "backup_missed",
  "never_complete",
  "starts_over",
  "runs_too_often",
  "files_failed",
  "file_zeroed",
  "zeros_from_start",
  "everything_rewritten",
  "everything_renamed",
  "mass_deletion",
  /** Two snapshots could not be compared to the end: unknown is no "nothing found". */
  "not_compared",
] as const

export type AnomalyCode = (typeof ANOMALY_CODES)[number]
