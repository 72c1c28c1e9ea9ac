import { createHash } from "node:crypto"
import type { Engine, Listing, Snapshot, SnapshotSource } from "../../storage/index.js"

/** What a decision needs of one identity. Main memory holds these; the snapshots themselves stay with the reading thread. */
export interface IdentitySummary {
  /** Key of the group, and the identity as the ledger knows it: `user@host:path` for Kopia, `host:path` for restic. */
  readonly identity: string
  readonly source: SnapshotSource
  readonly snapshots: number
  readonly complete: number
  /** All that began in the same second as the last one, incomplete ones included: a mover may pick any of them. */
  readonly newest: readonly [Snapshot, ...Snapshot[]]
  readonly newestComplete: Snapshot | undefined
  readonly oldestComplete: Snapshot | undefined
}

/** A complete snapshot as the ledger keeps it: engine ids change when a snapshot is pinned or rewritten, these do not. */
export interface Sighting {
  readonly id: string
  readonly start: bigint
  /** Undefined where only names could be read. */
  readonly root: string | undefined
}

export interface SummaryChange {
  readonly summary: IdentitySummary
  readonly sightings: readonly Sighting[]
}

/** What changed between two listings of one repository. */
export interface SummaryDelta {
  readonly changed: readonly SummaryChange[]
  readonly removed: readonly string[]
}

interface Group {
  readonly snapshots: Snapshot[]
  signature: string
}

/**
 * Groups snapshots by identity and remembers a signature of each group, so that only what changed crosses from the reading
 * thread to the answering one.
 */
export class Summariser {
  #signatures = new Map<string, string>()

  /** The delta from the last accepted listing. Forget the old state with a new Summariser. */
  delta(listing: Listing): SummaryDelta {
    const groups = groupByIdentity(listing)
    const changed: SummaryChange[] = []
    const signatures = new Map<string, string>()
    for (const [group, { snapshots, signature }] of groups) {
      signatures.set(group, signature)
      if (this.#signatures.get(group) === signature) continue
      changed.push({ summary: summarise(group, snapshots), sightings: sightingsOf(snapshots) })
    }
    const removed = [...this.#signatures.keys()].filter((group) => !signatures.has(group))
    this.#signatures = signatures
    return { changed, removed }
  }
}

function groupByIdentity(listing: Listing): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const snapshot of listing.snapshots) {
    const key = groupOf(listing.engine, snapshot)
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { snapshots: [], signature: "" }))
    group.snapshots.push(snapshot)
  }
  for (const group of groups.values()) group.signature = signatureOf(group.snapshots)
  return groups
}

function signatureOf(snapshots: readonly Snapshot[]): string {
  const hash = createHash("sha256")
  for (const { id } of snapshots) hash.update(id)
  return hash.digest("base64")
}

/**
 * restic's mover chooses by the printed line, in which the tags stand too: a snapshot of another path that is tagged with
 * the looked-for one is a group of its own.
 */
function groupOf(engine: Engine, { source, tags }: Snapshot): string {
  const identity = identityText(engine, source)
  return engine === "restic" && tags.some((tag) => tag.includes("/data"))
    ? `${identity} tagged /data`
    : identity
}

/** The identity in one line: `user@host:path` for Kopia, `host:path,path` for restic. */
export function identityText(engine: Engine, source: SnapshotSource): string {
  const paths = source.paths.join(",")
  return engine === "kopia" ? `${source.user}@${source.host}:${paths}` : `${source.host}:${paths}`
}

function summarise(identity: string, snapshots: readonly Snapshot[]): IdentitySummary {
  const complete = snapshots.filter(({ incomplete }) => incomplete === undefined)
  // Listings are sorted by start, oldest first.
  const last = snapshots.at(-1)
  if (last === undefined) throw new RangeError("an identity without snapshots has no summary")
  const inLastSecond = snapshots.slice(0, -1).filter(({ start }) => second(start) === second(last.start))
  return {
    identity,
    source: last.source,
    snapshots: snapshots.length,
    complete: complete.length,
    newest: [last, ...inLastSecond],
    newestComplete: complete.at(-1),
    oldestComplete: complete[0],
  }
}

function second(instant: bigint): bigint {
  return instant / 1_000_000_000n
}

function sightingsOf(snapshots: readonly Snapshot[]): Sighting[] {
  return snapshots
    .filter(({ incomplete }) => incomplete === undefined)
    .map(({ id, start, root }) => ({ id, start, root }))
}
