import { describe, expect, it } from "vitest"
import { ageOf } from "../../../server/catalog/index.js"

const then = { mono: 1_000, wall: 1_800_000_000_000 }
const later = (mono: number, wall: number) => ({ mono: then.mono + mono, wall: then.wall + wall })

describe("the age of a listing", () => {
  it("is what both clocks say when they agree", () => {
    expect(ageOf(then, later(700, 700))).toBe(700)
  })

  it("is the larger one: the monotonic clock stands still while the machine sleeps", () => {
    expect(ageOf(then, later(700, 3_600_000))).toBe(3_600_000)
  })

  it("is the monotonic one when the wall clock was slowed down a little", () => {
    expect(ageOf(then, later(60_000, 57_000))).toBe(60_000)
  })

  it.each([-3_600_000, -1, 0, 54_999])(
    "is without end when the wall clock went back (%d ms after 60 s)",
    (wall) => {
      expect(ageOf(then, later(60_000, wall))).toBe(Infinity)
    },
  )
})
