import { formatInstant } from "../../../storage/index.js"
import type { StoredIntegrity, VolumeKey } from "../../db/index.js"
import type { Fact } from "../finding.js"
import type { FindingSource } from "../finding-keeper.js"
import type { SnapshotIntegrity } from "../integrity.js"
import { MINUTE_MS } from "./severity.js"

export interface DamageSourceParts {
  readonly integrity: Pick<SnapshotIntegrity, "damaged" | "version">
  /** Where something is damaged, as far as a declaration covers it now. */
  readonly places: () => readonly string[]
  readonly volumesOf: (place: string, identity: string) => readonly VolumeKey[]
  /** Start of the newest complete snapshot of an identity. */
  readonly newestOf: (place: string, identity: string) => bigint | undefined
}

/** Snapshots are told by the dozen, not one by one: a lost pack may cost thousands. */
const MOST_NAMED = 10

/** What reading found damaged, one finding for each identity. */
export function damageSource(parts: DamageSourceParts): FindingSource {
  return {
    name: "integrity",
    everyMs: MINUTE_MS / 6,
    look: () => {
      const damaged = parts.integrity.damaged()
      return parts.places().map((place) => ({
        scope: place,
        facts: damageFacts(
          place,
          damaged.filter((row) => row.place === place),
          parts,
        ),
      }))
    },
  }
}

export function damageFacts(
  place: string,
  damaged: readonly StoredIntegrity[],
  { volumesOf, newestOf }: Pick<DamageSourceParts, "volumesOf" | "newestOf">,
): Fact[] {
  const byIdentity = new Map<string, StoredIntegrity[]>()
  for (const row of damaged) byIdentity.set(row.identity, [...(byIdentity.get(row.identity) ?? []), row])
  return [...byIdentity].map(([identity, rows]) => {
    const sorted = [...rows].sort((one, other) => (one.start < other.start ? 1 : -1))
    const newest = newestOf(place, identity)
    const isNewest = newest === undefined || sorted.some(({ start }) => start >= newest)
    const count = `${rows.length} ${rows.length === 1 ? "snapshot" : "snapshots"}`
    return {
      code: isNewest ? "newest_snapshot_damaged" : "snapshots_damaged",
      severity: isNewest ? "critical" : "warning",
      subject: { kind: "identity", key: `${place} ${identity}` },
      title: `${count} of ${identity} ${rows.length === 1 ? "is" : "are"} damaged${isNewest ? ", the newest among them" : ""}`,
      hint: isNewest
        ? "Clusters are told unknown for its volume; `cistern exists NAMESPACE/PVC` names the newest good one and how to get it back. Bring the damaged files back from a copy of the repository, or have a new backup made."
        : "Bring the damaged files back from a copy of the repository, or delete the damaged snapshots.",
      evidence: {
        place,
        identity,
        count: rows.length,
        reasons: [...new Set(sorted.flatMap(({ damage }) => damage?.reasons ?? []))],
        snapshots: sorted.slice(0, MOST_NAMED).map(({ engineId, start, damage }) => ({
          id: engineId,
          start: formatInstant(start),
          level: damage?.level ?? null,
          paths: damage?.paths ?? 0,
          sample: damage?.sample.slice(0, 3) ?? [],
          run: damage?.run ?? null,
        })),
      },
      volumes: volumesOf(place, identity),
    }
  })
}
