import { describe, expect, it } from "vitest"
import { parseRange } from "../../../storage/browse/index.js"

describe("a range of a file", () => {
  it.each([
    ["0-0", 10, { offset: 0, length: 1 }],
    ["0-9", 10, { offset: 0, length: 10 }],
    ["bytes=2-4", 10, { offset: 2, length: 3 }],
    ["Bytes=2-", 10, { offset: 2, length: 8 }],
    ["5-100", 10, { offset: 5, length: 5 }],
    ["-3", 10, { offset: 7, length: 3 }],
    ["-30", 10, { offset: 0, length: 10 }],
    ["0-99999999999999999999999999", 10, { offset: 0, length: 10 }],
    ["9-", 10, { offset: 9, length: 1 }],
    ["10-", 10, "unsatisfiable"],
    ["10-20", 10, "unsatisfiable"],
    ["99999999999999999999999999-", 10, "unsatisfiable"],
    ["-0", 10, "unsatisfiable"],
    ["0-", 0, "unsatisfiable"],
    ["-5", 0, "unsatisfiable"],
    ["5-4", 10, undefined],
    ["-", 10, undefined],
    ["", 10, undefined],
    ["0-1,3-4", 10, undefined],
    ["items=0-1", 10, undefined],
    ["0x1-2", 10, undefined],
    ["1.5-2", 10, undefined],
    ["+1-2", 10, undefined],
  ])("%j of %d bytes is %j", (text, size, expected) => {
    expect(parseRange(text, size)).toEqual(expected)
  })
})
