import { formatInstant, type Instant } from "../../../storage/index.js"
import type { RepositoryContents } from "../../../storage/survey/index.js"
import { formatTime } from "../figures.js"

// Words for comments and notices.

/** "1 snapshot", "2 snapshots". */
export function countOf(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`
}

const MOST_LISTED = 10

/** A list of names that stays readable. */
export function manyOf(names: readonly string[]): string {
  const more = names.length - MOST_LISTED
  const listed = names.slice(0, MOST_LISTED).join(", ")
  return more > 0 ? `${listed} and ${more} more` : listed
}

export function shownTime(instant: Instant | undefined): string {
  return instant === undefined ? "unknown" : `${formatTime(formatInstant(instant))} UTC`
}

export function shownFormat({ formatVersion }: RepositoryContents): string {
  return formatVersion === undefined ? "" : `, format ${formatVersion}`
}
