import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { CHEAP_COST, REAL_COST, writeSyntheticRestic } from "../support/synthetic-restic.js"
import { documentOf, saysRestore, startDaemon } from "./daemon.js"
import type { BenchContext, Row } from "./row.js"

/** A restart with many repositories of one volume each, until every volume has its certain answer. */
export async function resticRestart(context: BenchContext): Promise<Row[]> {
  const repositories = context.quick ? 30 : 1_000
  const store = context.scratch("store")
  // What opening costs matters for the first start only, which is not what the budget is about, but takes minutes.
  const cost = context.quick ? REAL_COST : CHEAP_COST
  const salt = randomBytes(64)
  const volumes = Array.from({ length: repositories }, (_, index) => `ns-${index % 25}/pvc-${index}`)
  for (const volume of volumes)
    writeSyntheticRestic(join(store, volume), { password: "bench", snapshots: 30, seed: volume, cost, salt })
  const document = documentOf(store, [
    { name: "volumes", engine: "restic", path: "{namespace}/{pvc}", password: { value: "bench" } },
  ])
  const state = context.scratch("state")

  const start = async () => {
    const daemon = await startDaemon(state, document)
    try {
      let last = 0
      for (const volume of volumes) last = await daemon.until(`/exists/${volume}`, saysRestore, 600_000)
      return last - daemon.started
    } finally {
      await daemon.stop()
    }
  }
  const first = await start()
  return [
    {
      what: `restart with ${repositories} restic repositories, all answers certain`,
      unit: "ms",
      ours: { who: "cistern serve", value: await start() },
      peers: [{ who: `its first start (scrypt N=${cost.N} p=${cost.p})`, value: first }],
      budget: "below 5 s with 1,000",
    },
  ]
}
