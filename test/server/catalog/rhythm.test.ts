import { describe, expect, it } from "vitest"
import { defaultRhythm as rhythm } from "../../../server/catalog/index.js"
import { listingDue } from "../../../server/catalog/rhythm.js"

const quiet = { watched: true, sinceActive: rhythm.quietAfterMs, failures: 0 }

describe("the next listing is due", () => {
  it("after a minute while a mover is near", () => {
    expect(listingDue(rhythm, { ...quiet, sinceActive: rhythm.quietAfterMs - 1 })).toBe(60_000)
  })

  it("after a quarter of an hour when nothing was written for long", () => {
    expect(listingDue(rhythm, quiet)).toBe(15 * 60_000)
  })

  it("after five seconds where nothing tells of changes, however quiet it is", () => {
    expect(listingDue(rhythm, { ...quiet, watched: false })).toBe(5_000)
  })

  it("soon after a failure, then less often, and never less often than every ten seconds", () => {
    const due = [1, 2, 3, 4, 5, 60].map((failures) => listingDue(rhythm, { ...quiet, failures }))
    expect(due).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })
})
