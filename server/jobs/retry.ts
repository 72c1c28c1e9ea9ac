import { StorageError, type StorageErrorCode } from "../../storage/index.js"

/** What may be better by itself soon. Damage, a wrong password or a missing place wait for somebody. */
const passing: ReadonlySet<StorageErrorCode> = new Set(["timeout", "unstable", "upgrading", "io"])

const MINUTE_MS = 60_000
/** After the first, second and third failure. */
const PAUSES_MS = [MINUTE_MS, 5 * MINUTE_MS, 25 * MINUTE_MS] as const

/** Milliseconds until a failed run is tried again; undefined: not by itself. `attempt`: 1 for the first one. */
export function retryPause(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof StorageError) || !passing.has(error.code)) return undefined
  return PAUSES_MS[attempt - 1]
}
