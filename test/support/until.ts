import { setTimeout as delay } from "node:timers/promises"

const LOOK_EVERY_MS = 5

/** Looks until what is seen is as wanted, and gives it. Throws what was seen last when `limitMs` have passed. */
export async function until<T>(
  look: () => T | Promise<T>,
  wanted: (seen: T) => boolean,
  what: string,
  limitMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const seen = await look()
    if (wanted(seen)) return seen
    if (performance.now() > deadline) {
      throw new Error(`waited ${limitMs} ms for ${what}; last seen: ${JSON.stringify(seen)}`)
    }
    await delay(LOOK_EVERY_MS)
  }
}
