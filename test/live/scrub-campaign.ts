import { expect } from "vitest"
import { VolatileLedger } from "../../storage/scrub/index.js"
import { scrubHere } from "../storage/scrub/scrub-here.js"

/** Of each campaign. */
export const SCRUB_SECONDS = Number(process.env["CISTERN_LIVE_SECONDS"] ?? "60")

export interface ScrubCampaign {
  /** Scrubs once, expects that nothing is called damaged, and gives how many files went meanwhile. */
  readonly scrub: () => Promise<number>
  /** One act of the real program after the other. */
  readonly act: (round: number) => Promise<unknown>
  readonly seconds: number
}

/** Scrubs one time after the other while the real program works, and once when it is still. */
export async function scrubCampaign({
  scrub,
  act,
  seconds,
}: ScrubCampaign): Promise<{ scrubs: number; acts: number; gone: number }> {
  const until = performance.now() + seconds * 1_000
  const work = new AbortController()
  let [scrubs, acts, gone] = [0, 0, 0]
  const reading = (async () => {
    while (!work.signal.aborted) {
      gone += await scrub()
      scrubs++
    }
  })()
  try {
    for (; performance.now() < until; acts++) await Promise.race([act(acts), reading])
  } finally {
    work.abort()
    await reading
  }
  gone += await scrub()
  return { scrubs: scrubs + 1, acts, gone }
}

/** Each second time with a ledger. */
export function scrubsByHand(repository: string): ScrubCampaign["scrub"] {
  const ledger = new VolatileLedger()
  let scrubs = 0
  return async () => {
    const report = await scrubHere(repository, scrubs++ % 2 === 0 ? { ledger } : {})
    expect(report).toMatchObject({ bad: [], unread: [], unsteady: [], stopped: undefined })
    return report.gone
  }
}
