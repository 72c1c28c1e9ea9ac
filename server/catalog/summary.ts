import type { Engine, Listing, Snapshot, SnapshotSource, SourceSnapshots } from "../../storage/index.js"
import { type PackedSightings, type Sighted, SightingsPacker } from "../ledger/sighted.js"

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

/** Complete snapshots as the ledger keeps them: engine ids change when a snapshot is pinned or rewritten, start and root do not. */
export interface SummaryChange {
  readonly summary: IdentitySummary
  readonly sightings: Sighted
}

/** What changed between two listings of one repository, as it crosses from thread to thread. */
export interface SummaryDelta {
  readonly changed: readonly { readonly summary: IdentitySummary; readonly sightings: PackedSightings }[]
  readonly removed: readonly string[]
}

/** The sources that are one identity in words, as they were last, and the groups that they fell into. */
interface Known {
  readonly sources: readonly SourceSnapshots[]
  readonly groups: readonly string[]
}

/** Remembers what each identity looked like, so that only what changed crosses from the reading thread to the answering one. */
export class Summariser {
  #known = new Map<string, Known>()

  /** The delta from the last accepted listing. Forget the old state with a new Summariser. */
  delta(listing: Listing): SummaryDelta {
    const summaries: IdentitySummary[] = []
    const packer = new SightingsPacker()
    const known = new Map<string, Known>()
    const groupsBefore = new Set([...this.#known.values()].flatMap(({ groups }) => groups))
    for (const [identity, sources] of byIdentity(listing)) {
      const before = this.#known.get(identity)
      if (before !== undefined && areTheSame(before.sources, sources)) {
        known.set(identity, { sources, groups: before.groups })
        continue
      }
      const groups = groupSnapshots(listing.engine, sources)
      known.set(identity, { sources, groups: [...groups.keys()] })
      for (const [group, snapshots] of groups) {
        const complete = snapshots.filter(({ incomplete }) => incomplete === undefined)
        summaries.push(summarise(group, snapshots, complete))
        packer.add(complete)
      }
    }
    for (const { groups } of known.values()) for (const group of groups) groupsBefore.delete(group)
    this.#known = known
    const changed = packer.packed().flatMap((sightings, index) => {
      const summary = summaries[index]
      return summary === undefined ? [] : [{ summary, sightings }]
    })
    return { changed, removed: [...groupsBefore] }
  }
}

/** Different sources may read the same in one line, and are then one identity. */
function byIdentity({ engine, sources }: Listing): Map<string, readonly SourceSnapshots[]> {
  const identities = new Map<string, readonly SourceSnapshots[]>()
  for (const one of sources) {
    const identity = identityText(engine, one.source)
    identities.set(identity, [...(identities.get(identity) ?? []), one])
  }
  return identities
}

function areTheSame(before: readonly SourceSnapshots[], now: readonly SourceSnapshots[]): boolean {
  return (
    before.length === now.length &&
    before.every((one, at) => one === now[at] || one.signature === now[at]?.signature)
  )
}

function groupSnapshots(engine: Engine, sources: readonly SourceSnapshots[]): Map<string, Snapshot[]> {
  const groups = new Map<string, Snapshot[]>()
  const snapshots = sources.flatMap((one) => one.snapshots())
  if (sources.length > 1) snapshots.sort((one, other) => (one.start < other.start ? -1 : 1))
  for (const snapshot of snapshots) {
    const key = identityGroup(engine, snapshot)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [snapshot])
    else group.push(snapshot)
  }
  return groups
}

/**
 * The identity that the ledger keeps a snapshot under. restic's mover chooses by the printed line, in which the tags stand too: a
 * snapshot of another path that is tagged with the looked-for one is a group of its own.
 */
export function identityGroup(engine: Engine, { source, tags }: Snapshot): string {
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

function summarise(
  identity: string,
  snapshots: readonly Snapshot[],
  complete: readonly Snapshot[],
): IdentitySummary {
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
