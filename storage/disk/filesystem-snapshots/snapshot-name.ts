import { StorageError } from "../../errors.js"

const PREFIX = "cistern"
const LONGEST_REASON = 60
const MOST_TRIES = 60
const WORDS = /^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/
const NAME = /^cistern-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)$/

/**
 * "cistern-20261121T204500Z-before-prune": whose it is, when it was made in UTC, and why. Letters, digits and "-" only, so that
 * it is a name on every filesystem and in every program. Throws StorageError `invalid` for a reason that is not such words.
 */
export function snapshotName(createdAt: number, reason: string): string {
  requireWords(reason, "reason")
  const time = new Date(createdAt).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")
  return `${PREFIX}-${time}Z-${reason}`
}

/** A name that is not taken, at most a minute later than now. Throws StorageError `unstable` where there is none. */
export function freeSnapshotName(taken: ReadonlySet<string>, reason: string, now: number): string {
  for (let seconds = 0; seconds < MOST_TRIES; seconds++) {
    const name = snapshotName(now + seconds * 1000, reason)
    if (!taken.has(name)) return name
  }
  throw new StorageError(
    "unstable",
    `${MOST_TRIES} filesystem snapshots "${reason}" were made within a minute`,
    {
      hint: "Find out what makes them.",
    },
  )
}

/** Throws StorageError `invalid` for what is not words of letters and digits with "-" between them. */
export function requireWords(text: string, what: string): void {
  if (text.length <= LONGEST_REASON && WORDS.test(text)) return
  throw new StorageError(
    "invalid",
    `${JSON.stringify(text.slice(0, 80))} cannot be the ${what} of a filesystem snapshot`,
    {
      hint: `Use letters and digits, with "-" between words, ${LONGEST_REASON} at most.`,
    },
  )
}

/** Undefined for a name that is not one of ours. */
export function parseSnapshotName(
  name: string,
): { readonly createdAt: number; readonly reason: string } | undefined {
  const [, year, month, day, hour, minute, second, reason] = NAME.exec(name) ?? []
  if (reason === undefined) return undefined
  const createdAt = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  // The 31st of February comes back as another day: it was not us who wrote that.
  if (reason.length > LONGEST_REASON || snapshotName(createdAt, reason) !== name) return undefined
  return { createdAt, reason }
}

/** Throws StorageError `invalid` for a name that is not one of ours: what others made is left alone. */
export function requireOurs(name: string): void {
  if (parseSnapshotName(name) !== undefined) return
  throw new StorageError("invalid", `${JSON.stringify(name)} is no filesystem snapshot of Cistern's`, {
    facts: { name },
    hint: "Only those that Cistern made, by their names, are held, released or removed.",
  })
}
