import type { Snapshot, SnapshotSource } from "../repository.js"
import type { SourceImpact } from "./types.js"

/** Of every source that loses something: how much, and from which of its snapshots it can still be restored. */
export function sourcesOf(
  snapshots: readonly Snapshot[],
  isDamaged: (snapshot: Snapshot) => boolean,
): SourceImpact[] {
  const bySource = new Map<string, Snapshot[]>()
  for (const snapshot of snapshots) {
    const key = keyOfSource(snapshot.source)
    const others = bySource.get(key)
    if (others === undefined) bySource.set(key, [snapshot])
    else others.push(snapshot)
  }
  return [...bySource.values()].flatMap((all) => {
    const damaged = all.filter(isDamaged).length
    const newest = newestOf(all)
    if (damaged === 0 || newest === undefined) return []
    const good = all.filter((snapshot) => snapshot.incomplete === undefined && !isDamaged(snapshot))
    return [{ source: newest.source, damaged, snapshots: all.length, newest, newestGood: newestOf(good) }]
  })
}

function newestOf(snapshots: readonly Snapshot[]): Snapshot | undefined {
  let newest: Snapshot | undefined
  for (const snapshot of snapshots) {
    if (newest === undefined || snapshot.start >= newest.start) newest = snapshot
  }
  return newest
}

function keyOfSource({ user, host, paths }: SnapshotSource): string {
  return JSON.stringify([user, host, ...paths])
}
