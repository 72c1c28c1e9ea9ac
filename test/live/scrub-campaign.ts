import { expect } from "vitest"
import { VolatileLedger } from "../../storage/scrub/index.js"
import { scrubHere } from "../storage/scrub/scrub-here.js"

export interface ScrubCampaign {
  readonly repository: string
  /** One act of the real program after the other. */
  readonly act: (round: number) => Promise<unknown>
  readonly rounds: number
  readonly until: number
}

/** Scrubs one time after the other, with and without a ledger, while the real program works: nothing may ever be called damaged. */
export async function scrubCampaign({
  repository,
  act,
  rounds,
  until,
}: ScrubCampaign): Promise<{ scrubs: number; gone: number }> {
  const ledger = new VolatileLedger()
  const work = new AbortController()
  let scrubs = 0
  let gone = 0
  const reading = (async () => {
    while (!work.signal.aborted) {
      const report = await scrubHere(repository, scrubs % 2 === 0 ? { ledger } : {})
      expect(report).toMatchObject({ bad: [], unread: [], unsteady: [], stopped: undefined })
      gone += report.gone
      scrubs++
    }
  })()
  try {
    for (let round = 0; round < rounds && performance.now() < until; round++)
      await Promise.race([act(round), reading])
  } finally {
    work.abort()
    await reading
  }
  const last = await scrubHere(repository, { ledger })
  expect(last).toMatchObject({ bad: [], unsettled: [] })
  return { scrubs, gone }
}
