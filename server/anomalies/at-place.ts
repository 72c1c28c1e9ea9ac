import { formatIdentity } from "../../storage/identity/index.js"
import type { Listing, Snapshot, SnapshotContents, Writer } from "../../storage/index.js"
import type { Anomaly } from "./anomaly.js"
import { anomaliesBetween } from "./between.js"
import { historyOf } from "./history.js"
import type { AnomalyLimits } from "./limits.js"
import { stepsOf } from "./memory.js"
import { anomaliesOfSource } from "./of-source.js"

/** What belongs together in a repository of which nothing else is known. */
export interface ListedSource {
  readonly source: string
  readonly snapshots: readonly Snapshot[]
  readonly marks: readonly Writer[]
}

/**
 * The sources of a listing. Kopia's are its identities. restic's mover writes one volume into a repository, and a stranger's snapshots of
 * the same paths are what it may restore: there, whoever wrote them, paths make the source.
 */
export function sourcesOf({ engine, snapshots, writers }: Listing): ListedSource[] {
  const groups = new Map<string, Snapshot[]>()
  for (const snapshot of snapshots) {
    const { user, host, paths } = snapshot.source
    const name = engine === "kopia" ? formatIdentity({ user, host, path: paths[0] ?? "" }) : paths.join(", ")
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [snapshot])
    else group.push(snapshot)
  }
  return [...groups].map(([source, own]) => ({
    source,
    snapshots: own,
    marks: writers.filter(
      ({ user, host }) =>
        engine === "restic" || (user === own[0]?.source.user && host === own[0]?.source.host),
    ),
  }))
}

export interface PlaceInput {
  readonly listing: Listing
  readonly contents: SnapshotContents
  /** Unix milliseconds. */
  readonly now: number
  readonly limits: AnomalyLimits
  /** Every step from one complete snapshot to the next, not only the newest of each source. */
  readonly allSteps: boolean
  readonly signal?: AbortSignal
}

export interface SourceAnomalies {
  readonly source: string
  readonly snapshots: number
  readonly compared: number
  readonly anomalies: readonly Anomaly[]
}

/** Everything odd in a repository, source by source. Fails as `anomaliesBetween` does. */
export async function* anomaliesAt(input: PlaceInput): AsyncGenerator<SourceAnomalies> {
  const { listing, contents, now, limits, allSteps, signal } = input
  for (const { source, snapshots, marks } of sourcesOf(listing)) {
    const anomalies = anomaliesOfSource({ source, snapshots, now, limits, marks })
    const { complete } = historyOf(snapshots, now)
    const steps = stepsOf(complete).slice(allSteps ? 0 : -1)
    for (const step of steps) {
      const more = signal === undefined ? {} : { signal }
      anomalies.push(...(await anomaliesBetween({ source, contents, limits, ...step, ...more })))
    }
    yield { source, snapshots: snapshots.length, compared: steps.length, anomalies }
  }
}
