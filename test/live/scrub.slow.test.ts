import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { scratch } from "../support/fixtures.js"
import { JobScrubs } from "./job-scrubs.js"
import { kopia, kopiaPassword, LiveKopia } from "./live-kopia.js"
import { LiveRestic, restic, resticPassword } from "./live-restic.js"
import { SCRUB_SECONDS, scrubCampaign, scrubsByHand } from "./scrub-campaign.js"

// No false alarm: whatever the real programs do meanwhile, nothing that a scrub reads is called damaged.

const programs = [
  {
    engine: "restic",
    program: restic,
    password: resticPassword,
    make: async () => {
      const live = new LiveRestic()
      await live.must(["init"])
      return live
    },
  },
  {
    engine: "kopia",
    program: kopia,
    password: kopiaPassword,
    make: async () => {
      const live = new LiveKopia()
      await live.create(3)
      return live
    },
  },
] as const

for (const { engine, program, password, make } of programs) {
  describe.skipIf(program === undefined)(
    `while the real ${engine} writes, deletes, maintains and is killed`,
    () => {
      const open: JobScrubs[] = []
      afterEach(() => {
        for (const scrubs of open.splice(0)) scrubs.close()
      })

      it("no scrub by hand that runs meanwhile finds any damage", { timeout: 300_000 }, async () => {
        const live = await make()
        const acts = live.acts()
        const tally = await scrubCampaign({
          scrub: scrubsByHand(live.repository),
          act: async (round) => acts[round % acts.length]?.(round).run(),
          seconds: SCRUB_SECONDS,
        })
        console.info(`${engine}, scrubbed by hand:`, tally)
        expect(tally.scrubs).toBeGreaterThan(5)
        expect(tally.gone).toBeGreaterThan(0)
      })

      it("no run of the daemon's scrub job does, with its ledger", { timeout: 300_000 }, async () => {
        const live = await make()
        const acts = live.acts()
        const scrubs = await JobScrubs.of(live.repository, {
          engine,
          password,
          state: join(scratch(), "state"),
        })
        open.push(scrubs)
        const tally = await scrubCampaign({
          scrub: () => scrubs.next(),
          act: async (round) => acts[round % acts.length]?.(round).run(),
          seconds: SCRUB_SECONDS,
        })
        console.info(`${engine}, scrubbed by the job:`, tally)
        expect(tally.scrubs).toBeGreaterThan(5)
        expect(tally.gone).toBeGreaterThan(0)
        scrubs.expectNothingFound()
      })
    },
  )
}
