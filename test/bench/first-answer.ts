import { join } from "node:path"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { documentOf, saysRestore, startDaemon } from "./daemon.js"
import { kopiaPeer } from "./listing.js"
import { median } from "./measure.js"
import type { BenchContext, Row } from "./row.js"

interface Start {
  /** Milliseconds from the start of the process to the first certain answer. */
  readonly answer: number
  /** Milliseconds from its start until it listens. */
  readonly listening: number
}

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
  const start = async (state: string): Promise<Start> => {
    const daemon = await startDaemon(state, document)
    try {
      const listening = await daemon.until("/healthz", ({ status }) => status === 200)
      const answer = await daemon.until("/exists/ns-0/app-0", saysRestore)
      return { answer: answer - daemon.started, listening: listening - daemon.started }
    } finally {
      await daemon.stop()
    }
  }

  const stretched: Start[] = []
  const known: Start[] = []
  for (let round = 0; round < rounds; round++) {
    const state = context.scratch(`state-${round}`)
    stretched.push(await start(state))
    known.push(await start(state))
  }
  const peer = kopiaPeer(context, directory, rounds)
  const rows = (keys: string, starts: readonly Start[], budget: string): Row[] => {
    const row = (from: string, value: (start: Start) => number): Row => ({
      what: `first /exists ${from}, ${snapshots} snapshots, ${keys}`,
      unit: "ms",
      ours: { who: "cistern serve", value: median(starts.map(value)) },
      peers: [peer],
      budget,
    })
    return [
      row("after the process starts", ({ answer }) => answer),
      row("after it listens", ({ answer, listening }) => answer - listening),
    ]
  }
  return [
    ...rows("keys known", known, "20 x faster than kopia's list"),
    ...rows("password to stretch", stretched, "8 x faster than kopia's list"),
  ]
}
