import type { Instant } from "../../storage/instant.js"
import type { LedgerSnapshot } from "../db/index.js"

/** A complete snapshot that a listing shows. */
export interface ListedSnapshot {
  readonly id: string
  readonly start: Instant
  /** Undefined where only names could be read: restic without its password. `start` is then the file's time. */
  readonly root: string | undefined
}

export interface Reconciliation {
  /** Rows to be written, new ones among them. */
  readonly changed: readonly LedgerSnapshot[]
  /** Rows that another one stands for now. */
  readonly replaced: readonly LedgerSnapshot[]
  /** The newest complete snapshot that is known and not listed, that nobody explained, and after which none is listed. */
  readonly newestGone: LedgerSnapshot | undefined
}

/** Compares what is known of one identity with what is listed of it now. `at` is Unix milliseconds. */
export function reconcile(
  known: readonly LedgerSnapshot[],
  listed: readonly ListedSnapshot[],
  at: number,
): Reconciliation {
  const byId = new Map(listed.map((snapshot) => [snapshot.id, snapshot]))
  const byContent = new Map(listed.map((snapshot) => [contentKey(snapshot), snapshot]))
  const changed: LedgerSnapshot[] = []
  const replaced: LedgerSnapshot[] = []
  const after: LedgerSnapshot[] = []
  const found = new Set<ListedSnapshot>()

  for (const row of known) {
    // Engine ids are hashes of the whole snapshot: an equal one is the same. They change when it is pinned or tagged, and
    // then start and root tell that it is still there.
    const match = byContent.get(`${row.start}/${row.root}`) ?? byId.get(row.engineId)
    if (match !== undefined && row.root.startsWith(NAME) && match.root !== undefined) {
      // Known by its name so far: from now on by its content, because its name may change.
      replaced.push(row)
      continue
    }
    if (match !== undefined && row.root.startsWith(NAME) && storable(match.start) !== row.start) {
      // Known by its name alone it began when its file says so, whatever was said before: by a copy of the ledger, say.
      found.add(match)
      replaced.push(row)
      const again = { ...firstSight(match, at), firstSeen: row.firstSeen }
      after.push(again)
      changed.push(again)
      continue
    }
    if (match !== undefined) found.add(match)
    const next = match === undefined ? asGone(row, at) : asListed(row, match)
    after.push(next)
    if (next !== row) changed.push(next)
  }
  for (const snapshot of listed) {
    if (found.has(snapshot)) continue
    const row = firstSight(snapshot, at)
    after.push(row)
    changed.push(row)
  }
  return { changed, replaced, newestGone: newestGone(after) }
}

const NAME = "id:"

function contentKey({ start, root, id }: ListedSnapshot): string {
  return `${storable(start)}/${root ?? NAME + id}`
}

/** SQLite keeps 64 bits, the years 1678 to 2262; Go's "no time" is the year 1. */
export function storable(start: Instant): Instant {
  const largest = 2n ** 63n - 1n
  if (start > largest) return largest
  return start < -largest ? -largest : start
}

function firstSight(snapshot: ListedSnapshot, at: number): LedgerSnapshot {
  return {
    start: storable(snapshot.start),
    root: snapshot.root ?? NAME + snapshot.id,
    engineId: snapshot.id,
    firstSeen: at,
    goneAt: undefined,
    goneReason: undefined,
  }
}

function asListed(row: LedgerSnapshot, match: ListedSnapshot): LedgerSnapshot {
  if (row.goneAt === undefined && row.engineId === match.id) return row
  return { ...row, engineId: match.id, goneAt: undefined, goneReason: undefined }
}

function asGone(row: LedgerSnapshot, at: number): LedgerSnapshot {
  return row.goneAt === undefined ? { ...row, goneAt: at } : row
}

/** Of the rows as they are now. */
export function newestGone(rows: readonly LedgerSnapshot[]): LedgerSnapshot | undefined {
  const gone = newest(rows.filter((row) => row.goneAt !== undefined && row.goneReason === undefined))
  const present = newest(rows.filter((row) => row.goneAt === undefined))
  return gone !== undefined && (present === undefined || present.start <= gone.start) ? gone : undefined
}

function newest(rows: readonly LedgerSnapshot[]): LedgerSnapshot | undefined {
  return rows.reduce<LedgerSnapshot | undefined>(
    (best, row) => (best === undefined || row.start > best.start ? row : best),
    undefined,
  )
}
