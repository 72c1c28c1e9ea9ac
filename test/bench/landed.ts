import { join } from "node:path"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { writeSyntheticRestic } from "../support/synthetic-restic.js"
import { documentOf, saysRestore, startDaemon } from "./daemon.js"
import { median } from "./measure.js"
import type { BenchContext, Row } from "./row.js"

/** From the last file of a volume's first snapshot to the first `restore`. Both engines, local filesystem. */
export async function landed(context: BenchContext): Promise<Row[]> {
  const rounds = context.quick ? 3 : 10
  const store = context.scratch("store")
  const kopia = writeSyntheticKopia(join(store, "kopia"), {
    password: "bench",
    snapshots: context.quick ? 100 : 10_000,
    identities: 100,
  })
  // The writer takes its time for a repository; they are all there before the clock runs, with no snapshot in them.
  const restic = Array.from({ length: rounds }, (_, round) =>
    writeSyntheticRestic(join(store, "restic", "per-volume", `pvc-${round}`), {
      password: "bench",
      snapshots: 0,
      seed: `landed ${round}`,
    }),
  )
  const daemon = await startDaemon(
    context.scratch("state"),
    documentOf(store, [
      {
        name: "shared",
        engine: "kopia",
        path: "kopia",
        password: { value: "bench" },
        namespaces: ["*", "!per-volume"],
      },
      {
        name: "volumes",
        engine: "restic",
        path: "restic/{namespace}/{pvc}",
        password: { value: "bench" },
        namespaces: ["per-volume"],
      },
    ]),
  )
  try {
    await daemon.until("/exists/ns-0/app-0", saysRestore)
    const wait = async (path: string, land: () => void) => {
      await daemon.get(path)
      land()
      const landedAt = performance.now()
      return (await daemon.until(path, saysRestore)) - landedAt
    }
    const times = { kopia: [] as number[], restic: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      times.kopia.push(
        await wait(`/exists/new/pvc-${round}`, () => {
          kopia.appendSnapshot({ user: `pvc-${round}-backup`, host: "new", path: "/data" })
        }),
      )
      times.restic.push(
        await wait(`/exists/per-volume/pvc-${round}`, () => {
          restic[round]?.appendSnapshot()
        }),
      )
    }
    return (["kopia", "restic"] as const).map((engine) => ({
      what: `first snapshot landed -> restore, ${engine}, slowest of ${rounds}`,
      unit: "ms",
      ours: {
        who: "cistern serve",
        value: Math.max(...times[engine]),
        note: `median ${median(times[engine]).toFixed(0)} ms`,
      },
      peers: [{ who: "pvc-plumber", value: 90_000, note: "its RE_WARM_INTERVAL, not measured here" }],
      budget: "below 1 s",
    }))
  } finally {
    await daemon.stop()
  }
}
