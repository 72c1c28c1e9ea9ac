/** How often a place is listed without anybody asking. All in milliseconds. */
export interface ListingRhythm {
  /** While a mover is near, and for the search for new members of a family. */
  readonly activeMs: number
  /** When nothing was written for `quietAfterMs`: disks may sleep; a request lists by itself. */
  readonly idleMs: number
  readonly quietAfterMs: number
  /** Without file events (a network mount): the only way to notice anything. */
  readonly blindMs: number
}

export const defaultRhythm: ListingRhythm = {
  activeMs: 60_000,
  idleMs: 15 * 60_000,
  quietAfterMs: 30 * 60_000,
  blindMs: 5_000,
}

/** After how many milliseconds the next listing is due, counted from the begin of the last one. */
export function listingDue(
  rhythm: ListingRhythm,
  place: { watched: boolean; sinceActive: number; failures: number },
): number {
  // A failure may pass in a second (a writer was busy) or last for days (a disk is gone): ask soon, then less often.
  if (place.failures > 0) return Math.min(1_000 * 2 ** (place.failures - 1), 2 * rhythm.blindMs)
  if (!place.watched) return rhythm.blindMs
  return place.sinceActive < rhythm.quietAfterMs ? rhythm.activeMs : rhythm.idleMs
}
