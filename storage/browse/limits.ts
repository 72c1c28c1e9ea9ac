import { StorageError } from "../errors.js"

export interface WalkLimits {
  readonly signal?: AbortSignal
  /** How many entries may be looked at before the walk gives up: a hostile tree shares its parts and has more than any disk holds. */
  readonly mostEntries?: number
}

/** More than any volume has. */
const MOST_ENTRIES = 100_000_000

/** Counts what a walk looks at, and ends it: throws the signal's reason, or `unsupported` beyond the limit. */
export function walkCounter({ signal, mostEntries = MOST_ENTRIES }: WalkLimits): (entries: number) => void {
  let seen = 0
  return (entries) => {
    signal?.throwIfAborted()
    seen += entries
    if (seen <= mostEntries) return
    throw new StorageError("unsupported", `there are more than ${mostEntries} entries`, {
      facts: { mostEntries },
      hint: "Name a directory further below.",
    })
  }
}

/** What can be told of a part that cannot be read; anything else is a fault of ours and goes on its way. */
export function asProblem(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  throw error
}
