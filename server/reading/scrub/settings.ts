import { type Document, parseAge, type RepositoryEntry } from "../../config/index.js"

export interface ScrubSettings {
  readonly everyMs: number
  /** Bytes per second. */
  readonly limit: number | undefined
  readonly readers: number | undefined
}

const USUAL_EVERY_MS = 30 * 86_400_000

/** The repository's own before those for all before the usual ones. */
export function scrubSettings(
  { scrub: general }: Pick<Document, "scrub">,
  { scrub: own }: Pick<RepositoryEntry, "scrub">,
): ScrubSettings {
  const every = own?.every ?? general?.every
  return {
    everyMs: (every === undefined ? undefined : parseAge(every)) ?? USUAL_EVERY_MS,
    limit: own?.limit ?? general?.limit,
    readers: own?.readers ?? general?.readers,
  }
}
