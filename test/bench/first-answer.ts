import { join } from "node:path"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, saysRestore, startDaemon } from "./daemon.js"
import { kopiaPeer } from "./listing.js"
import { median } from "./measure.js"
import type { BenchContext, Row } from "./row.js"

/** From the start of the daemon to its first certain answer, with and without the keys of the last run. */
export async function firstAnswer(context: BenchContext): Promise<Row[]> {
  const snapshots = context.quick ? 500 : 10_000
  const rounds = context.quick ? 2 : 5
  const store = context.scratch("store")
  const directory = join(store, "kopia")
  writeSyntheticKopia(directory, { password: "bench", snapshots, identities: 100 })
  const document = documentOf(store, [
    { name: "shared", engine: "kopia", path: "kopia", password: { value: "bench" } },
  ])
  const start = async (state: string) => {
    const daemon = await startDaemon(state, document)
    try {
      return (await daemon.until("/exists/ns-0/app-0", saysRestore)) - daemon.started
    } finally {
      await daemon.stop()
    }
  }

  const stretched: number[] = []
  const known: number[] = []
  for (let round = 0; round < rounds; round++) {
    const state = context.scratch(`state-${round}`)
    stretched.push(await start(state))
    known.push(await start(state))
  }
  const peer = kopiaPeer(context, directory, rounds)
  const what = `first /exists after the process starts, ${snapshots} snapshots`
  return [
    {
      what: `${what}, keys known`,
      unit: "ms",
      ours: { who: "cistern serve", value: median(known) },
      peers: [peer],
      budget: "20 x faster than kopia's list",
    },
    {
      what: `${what}, password to stretch`,
      unit: "ms",
      ours: { who: "cistern serve", value: median(stretched) },
      peers: [peer],
      budget: "8 x faster than kopia's list",
    },
  ]
}
