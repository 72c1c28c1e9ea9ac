import { setImmediate as turn } from "node:timers/promises"
import type { SnapshotIntegrity } from "../../findings/index.js"
import type { Cost, DamagedBlob } from "./found.js"

/** Reasons of ours begin so. What others found, too, only they can withdraw. */
const OURS = "scrub_"
/** Written down at once: the daemon answers between them. */
const BATCH = 50

export interface TellTerms {
  readonly integrity: Pick<SnapshotIntegrity, "record" | "withdraw" | "damaged" | "damageOf">
  readonly place: string
  readonly run: string
  /** Unix milliseconds. */
  readonly at: number
}

/**
 * Has decisions know which snapshots damaged files cost, and withdraws what scrubs said of those that are whole again. Where the cost could
 * not be told, all that was said before still holds. Throws DatabaseError.
 */
export async function tellIntegrity(
  cost: Cost,
  damaged: readonly DamagedBlob[],
  { integrity, place, run, at }: TellTerms,
): Promise<{ readonly withdrawn: number }> {
  if (cost.kind === "untold") return { withdrawn: 0 }
  const hit = cost.kind === "told" ? cost.snapshots : []
  const reasons = [...new Set(damaged.map(({ code }) => `${OURS}${code}`))].sort()
  for (const batch of batches(hit)) {
    integrity.record(
      place,
      batch.map((snapshot) => {
        const others =
          integrity.damageOf(place, snapshot)?.reasons.filter((one) => !one.startsWith(OURS)) ?? []
        const { identity, paths, sample } = snapshot
        const result = {
          ok: false,
          level: "read",
          at,
          reasons: [...others, ...reasons],
          paths,
          sample,
          run,
        } as const
        return { snapshot, identity, result }
      }),
    )
    await turn()
  }
  const stillHit = new Set(hit.map(({ id }) => id))
  if (cost.kind === "told") for (const id of cost.unsure) stillHit.add(id)
  const whole = integrity
    .damaged()
    .filter(
      (row) =>
        row.place === place &&
        !stillHit.has(row.engineId) &&
        (row.damage?.reasons ?? []).every((reason) => reason.startsWith(OURS)),
    )
  for (const batch of batches(whole)) {
    integrity.withdraw(
      place,
      batch.map(({ engineId, start, root }) => ({ id: engineId, start, root })),
    )
    await turn()
  }
  return { withdrawn: whole.length }
}

function* batches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += BATCH) yield all.slice(from, from + BATCH)
}
