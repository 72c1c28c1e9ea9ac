import { describe, expect, it } from "vitest"
import { parseVolumeKey, parseVolumeName, volumeKey } from "../../../storage/identity/index.js"

describe("a volume's name", () => {
  it.each([
    ["home", "data"],
    ["n".repeat(63), "p".repeat(253)],
    ["a-1", "my.app"],
    ["0", "a.b-c.d"],
  ])("may be %s/%s", (namespace, pvc) => {
    expect(volumeKey(parseVolumeName(namespace, pvc))).toBe(`${namespace}/${pvc}`)
    expect(parseVolumeKey(`${namespace}/${pvc}`)).toEqual({ namespace, pvc })
  })

  it.each([
    ["", "data"],
    ["home", ""],
    ["Home", "data"],
    ["my.space", "data"],
    ["-home", "data"],
    ["home-", "data"],
    ["n".repeat(64), "data"],
    ["home", "p".repeat(254)],
    ["home", "data/"],
    ["home", "data/x"],
    ["home", ".."],
    ["home", "."],
    ["..", "data"],
    ["home", "a..b"],
    ["home", "a.-b"],
    ["home", "DATA"],
    ["home", "my data"],
    ["home", "my_data"],
    ["home", "größe"],
    ["home", "data\n"],
    ["home", "--log-dir=x"],
    ["home", "data\0"],
  ])("may not be %j/%j", (namespace, pvc) => {
    expect(() => parseVolumeName(namespace, pvc)).toThrow(expect.objectContaining({ code: "invalid" }))
  })

  it("shows only the beginning of a name of 20,000 characters", () => {
    expect(() => parseVolumeName("home", "x".repeat(20_000))).toThrow(/^.{0,200}$/)
  })

  it("needs a slash to be read from one text", () => {
    expect(() => parseVolumeKey("home")).toThrow(expect.objectContaining({ code: "invalid" }))
  })
})
