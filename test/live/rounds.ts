import { expect } from "vitest"
import type { ListingLoop, Refused, Taken } from "./listing-loop.js"

/** One act of the real program on a repository. */
export interface Act {
  readonly what: string
  readonly run: () => Promise<unknown>
}

export interface Campaign {
  readonly loop: ListingLoop
  /** What the real program lists now. */
  readonly truth: () => Promise<ReadonlySet<string>>
  readonly nextAct: (round: number) => Act
  readonly rounds: number
  readonly until: number
}

export interface Tally {
  readonly rounds: number
  readonly listings: number
  /** How often each error was the reason that a listing was not taken. */
  readonly refusals: ReadonlyMap<string, number>
}

/** No state may stay without a good listing for longer (issue 3, "Must hold"). */
export const LONGEST_WITHOUT_MS = 10_000

/**
 * Lets the program act while the loop lists. Every listing that is taken must lie between what the program listed before the
 * act and what it lists after it: nothing that stayed may be missing, nothing may be there that never was. When the program
 * rests, they must agree to the last snapshot.
 */
export async function campaign({ loop, truth, nextAct, rounds, until }: Campaign): Promise<Tally> {
  const refusals = new Map<string, number>()
  let before = await truth()
  let round = 0
  loop.drain()
  while (round < rounds && performance.now() < until) {
    const act = nextAct(round)
    round++
    await act.run()
    const resting = await loop.next(LONGEST_WITHOUT_MS)
    const after = await truth()
    const { taken, refused } = loop.drain()
    const said = `round ${round}, ${act.what}`
    expect(sorted(resting.ids), `${said}, at rest`).toEqual(sorted(after))
    for (const listing of taken) expect(strangers(listing, before, after), said).toEqual([])
    count(refusals, refused)
    before = after
  }
  expect(loop.longestWithoutMs, "the longest time without a good listing").toBeLessThan(LONGEST_WITHOUT_MS)
  return { rounds: round, listings: loop.count, refusals }
}

/** Snapshots that a listing should not have, and with a minus sign those that it should have. */
function strangers({ ids }: Taken, before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  const missing = [...before].filter((id) => after.has(id) && !ids.has(id)).map((id) => `-${id}`)
  return [...missing, ...[...ids].filter((id) => !before.has(id) && !after.has(id))]
}

function count(refusals: Map<string, number>, refused: readonly Refused[]): void {
  for (const { error } of refused) refusals.set(error.code, (refusals.get(error.code) ?? 0) + 1)
}

function sorted(ids: ReadonlySet<string>): string[] {
  return [...ids].sort()
}
