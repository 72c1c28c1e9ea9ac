import { identitiesOf, isExactly, isVolumeSnapshot, type VolumeName } from "../../storage/identity/index.js"
import type { Clock, IdentitySummary, Witnessed } from "../catalog/index.js"
import { freshOnceFact, type FreshOnceFact } from "../decision/index.js"
import type { Ledger } from "../ledger/index.js"
import type { FreshWindow } from "../db/index.js"
import { type Fleet, type FleetRepository, repositoriesFor, spotOf } from "./fleet.js"

export interface FreshOnceGrantsParts {
  readonly windows: Ledger["freshOnce"]
  readonly fleet: () => Fleet
  readonly clock: Clock
  readonly log: { info(fields: object, message: string): void }
}

/**
 * The windows in which an administrator lets a volume be fresh once, and their early end: with the first complete snapshot that
 * is seen of the volume. It is then over for good. If that snapshot vanishes, that is a loss and no reason to be fresh again.
 */
export class FreshOnceGrants {
  readonly #parts: FreshOnceGrantsParts

  constructor(parts: FreshOnceGrantsParts) {
    this.#parts = parts
  }

  /** `newestComplete`: start of the newest of the looked-up identity, in the restore repository. */
  fact(cluster: string, volume: VolumeName, newestComplete: bigint | undefined): FreshOnceFact {
    const { windows, clock } = this.#parts
    const now = Math.floor(clock.now().wall)
    const { namespace, pvc } = volume
    const window = windows.active({ cluster, namespace, pvc }, now)
    if (window === undefined) return { kind: "not_granted" }
    const grant = { by: window.by, grantedAt: nanoseconds(window.openedAt) }
    // Taken by a clock that is ahead, it may have been seen before the window was opened.
    if (newestComplete !== undefined && newestComplete >= grant.grantedAt) this.#end(window, now)
    return freshOnceFact(grant, nanoseconds(now), newestComplete)
  }

  /** Ends the windows of volumes of which this listing shows a first complete snapshot. Costs nothing while none is open. */
  witnessed(seen: Witnessed): void {
    const { windows, fleet, clock } = this.#parts
    const at = Math.floor(clock.now().wall)
    windows.retry()
    for (const window of windows.open(at)) {
      const { volume, openedAt } = window
      const { restore } = repositoriesFor(fleet(), volume.cluster, volume.namespace)
      if (restore === undefined || spotOf(restore, volume)?.place !== seen.spec.place) continue
      const isThere = seen.changes.some(
        ({ summary }) =>
          isOf(summary, restore, volume, seen) &&
          (summary.newestComplete?.start ?? 0n) >= nanoseconds(openedAt),
      )
      if (isThere) this.#end(window, at)
    }
  }

  #end({ volume, by }: FreshWindow, at: number): void {
    const { windows, log } = this.#parts
    if (!windows.end(volume, FIRST_BACKUP, at)) return
    const { cluster, namespace, pvc } = volume
    log.info(
      { cluster, namespace, pvc, by },
      "fresh once is over: the volume's first complete backup is there",
    )
  }
}

const FIRST_BACKUP = "first complete snapshot"

/** Whether the summary is of what the volume's mover looks up. */
function isOf(
  { newestComplete }: IdentitySummary,
  { naming }: FleetRepository,
  volume: VolumeName,
  { header }: Witnessed,
): boolean {
  if (newestComplete === undefined) return false
  if (naming === undefined) return header.depth === "names" || isVolumeSnapshot(newestComplete)
  return isExactly(newestComplete, identitiesOf(volume, naming).lookup.identity)
}

function nanoseconds(unixMs: number): bigint {
  return BigInt(unixMs) * 1_000_000n
}
