import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseGoDuration } from "../../../server/config/go-duration.js"

describe("a duration of Go", () => {
  it.each([
    ["0", 0],
    ["0s", 0],
    ["-0s", 0],
    ["5s", 5_000],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["-30s", -30_000],
    ["+2m", 120_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1.s", 1_000],
    ["3h0.25s", 10_800_250],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["1μs", 0.001],
    ["1ns", 0.000001],
  ])("reads %s", (text, ms) => {
    expect(parseGoDuration(text)).toBe(ms)
  })

  it.each([
    "",
    "-",
    "+",
    ".",
    "s",
    ".s",
    "5",
    "-5",
    "1d",
    "1m30",
    "1 s",
    " 1s",
    "1s ",
    "1S",
    "--1s",
    "1e3s",
    "0x1s",
    "300000h1000000h9000000h",
    "1s\n",
  ])("refuses %j", (text) => {
    expect(parseGoDuration(text)).toBeUndefined()
  })

  it("adds its parts up", () => {
    const part = fc.nat(1000)
    fc.assert(
      fc.property(part, part, part, (hours, minutes, seconds) => {
        expect(parseGoDuration(`${hours}h${minutes}m${seconds}s`)).toBe(
          ((hours * 60 + minutes) * 60 + seconds) * 1000,
        )
      }),
    )
  })
})
