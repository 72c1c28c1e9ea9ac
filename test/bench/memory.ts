import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, saysRestore, startDaemon } from "./daemon.js"
import { memoryOf } from "./measure.js"
import type { BenchContext, Row } from "./row.js"

const SETTLE_MS = 20_000

/** Resident memory of the daemon with the largest fleet it is meant for. */
export async function memory(context: BenchContext): Promise<Row[]> {
  const [volumes, snapshots, packs] = context.quick ? [500, 10_000, 10_000] : [10_000, 200_000, 1_000_000]
  const store = context.scratch("store")
  writeSyntheticKopia(join(store, "kopia"), {
    password: "bench",
    snapshots,
    identities: volumes,
    manifestContents: 15,
    indexBlobs: 20,
    packsMentioned: packs,
  })
  const state = context.scratch("state")
  const document = documentOf(store, [
    { name: "shared", engine: "kopia", path: "kopia", password: { value: "bench" } },
  ])
  const size = `${volumes} volumes, ${snapshots} snapshots, ${packs} packs`
  const run = async () => {
    const daemon = await startDaemon(state, document)
    try {
      const ready = await daemon.until("/exists/ns-0/app-0", saysRestore)
      await delay(SETTLE_MS)
      return { ready: ready - daemon.started, ...memoryOf(daemon.pid) }
    } finally {
      await daemon.stop()
    }
  }
  const first = await run()
  const again = await run()
  return [first, again].map((measured, index) => ({
    what: `resident memory, ${index === 0 ? "first start" : "restart"}, ${size}`,
    unit: "MB",
    ours: {
      who: "cistern serve",
      value: measured.now,
      note: `peak ${measured.peak.toFixed(0)} MB, certain after ${measured.ready.toFixed(0)} ms`,
    },
    peers: [],
    budget: "below 200 MB",
  }))
}
