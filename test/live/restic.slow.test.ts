import { afterAll, describe, expect, it } from "vitest"
import { ListingLoop } from "./listing-loop.js"
import { LiveRestic, restic, resticPassword } from "./live-restic.js"
import { campaign } from "./rounds.js"

describe.skipIf(restic === undefined)("while the real restic writes, forgets, prunes and is killed", () => {
  const loops: ListingLoop[] = []
  afterAll(async () => {
    for (const loop of loops) await loop.stop()
  })

  it("every listing that is taken shows what restic itself lists", { timeout: 300_000 }, async () => {
    const live = new LiveRestic()
    await live.must(["init"])
    const loop = await ListingLoop.start(live.repository, "restic", resticPassword)
    loops.push(loop)
    const acts = live.acts()
    const tally = await campaign({
      loop,
      truth: () => live.snapshots(),
      nextAct: (round) => {
        const act = acts[round % acts.length]
        if (act === undefined) throw new RangeError("no such act")
        return act(round)
      },
      rounds: 4 * acts.length,
      until: performance.now() + Number(process.env.CISTERN_LIVE_SECONDS ?? "120") * 1_000,
    })
    console.info("restic:", tally, `longest without a good listing: ${loop.longestWithoutMs.toFixed(0)} ms`)
    expect(tally.rounds).toBeGreaterThan(acts.length)
  })
})
