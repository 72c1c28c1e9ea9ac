import { afterEach, describe, expect, it } from "vitest"
import { ListingLoop } from "./listing-loop.js"
import { kopia, kopiaPassword, LiveKopia } from "./live-kopia.js"
import { campaign } from "./rounds.js"

describe.skipIf(kopia === undefined)("while the real kopia writes, deletes, maintains and is killed", () => {
  const loops: ListingLoop[] = []
  afterEach(async () => {
    for (const loop of loops.splice(0)) await loop.stop()
  })

  for (const formatVersion of [3, 2, 1]) {
    it(
      `every listing of format ${formatVersion} that is taken shows what kopia itself lists`,
      { timeout: 900_000 },
      async () => {
        const live = new LiveKopia()
        await live.create(formatVersion)
        const loop = await ListingLoop.start(live.repository, "kopia", kopiaPassword)
        loops.push(loop)
        const acts = live.acts()
        const kinds = new Set<string>()
        const tally = await campaign({
          loop,
          truth: () => live.snapshots(),
          nextAct: (round) => {
            const act = acts[round % acts.length]
            if (act === undefined) throw new RangeError("no such act")
            for (const kind of live.kinds()) kinds.add(kind)
            return act(round)
          },
          rounds: 100 * acts.length,
          until: performance.now() + Number(process.env.CISTERN_LIVE_SECONDS ?? "60") * 1_000,
        })
        console.info(
          `kopia format ${formatVersion}:`,
          tally,
          `longest without: ${loop.longestWithoutMs.toFixed(0)} ms, kinds: ${[...kinds].join(" ")}`,
        )
        expect(tally.rounds).toBeGreaterThan(acts.length)
        // The compactions that the listings ran beside did take place.
        expect([...kinds]).toEqual(
          expect.arrayContaining(formatVersion === 1 ? ["n", "m"] : ["xn", "xs", "xe"]),
        )
      },
    )
  }
})
