import type { Instant } from "../instant.js"
import type { Snapshot } from "../repository.js"
import type { KopiaIdentity } from "./kopia-identity.js"

/** What `snapshot list user@host:path --json` gives the mover, and which of it the mover takes. */
export interface Pick {
  /**
   * What it takes; several when they began in the same second, because the mover compares times as text, in which fractions
   * of a second sort wrongly, and equal times keep no certain order. Empty: it restores nothing, and calls that success.
   */
  readonly candidates: readonly Snapshot[]
  /** Everything its list command returns, oldest first. */
  readonly listed: readonly Snapshot[]
}

/**
 * The mover's restore selection (volsync-kopia-mover §8): of user and host, the snapshots of the path and of each of its
 * parents, incomplete ones included, the newest by start.
 */
export function kopiaPick(snapshots: Iterable<Snapshot>, identity: KopiaIdentity): Pick {
  const paths = new Set(pathAndParents(identity.path))
  const listed = [...snapshots].filter(
    ({ source }) =>
      source.user === identity.user &&
      source.host === identity.host &&
      source.paths.some((path) => paths.has(path)),
  )
  return newest(listed)
}

/** Whether the snapshot is of exactly this identity and path, and not of a parent. */
export function isExactly({ source }: Snapshot, { user, host, path }: KopiaIdentity): boolean {
  return source.user === user && source.host === host && source.paths.length === 1 && source.paths[0] === path
}

/** The last to have begun, with all that began in the same second. */
export function newest(snapshots: readonly Snapshot[]): Pick {
  const listed = [...snapshots].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  const last = listed.at(-1)
  if (last === undefined) return { candidates: [], listed }
  return { candidates: listed.filter(({ start }) => second(start) === second(last.start)).reverse(), listed }
}

function second(instant: Instant): bigint {
  return instant / 1_000_000_000n
}

function pathAndParents(path: string): string[] {
  const paths = [path]
  for (let rest = path; rest.length > 1;) {
    rest = rest.slice(0, Math.max(rest.lastIndexOf("/"), 0)) || "/"
    paths.push(rest)
  }
  return paths
}
