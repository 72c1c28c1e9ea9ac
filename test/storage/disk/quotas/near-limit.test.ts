import { describe, expect, it } from "vitest"
import { nearLimit, ownLimit, type Quota } from "../../../../storage/disk/index.js"

type Figures = Pick<Quota, "limitBytes" | "usedBytes" | "limitFiles" | "usedFiles">
const free: Figures = { limitBytes: "none", usedBytes: 5, limitFiles: "none", usedFiles: 5 }
const unknown = { unknown: "only root may ask" }

describe("how near a quota is", () => {
  it.each([
    [0, "fine"],
    [849, "fine"],
    [850, "near"],
    [949, "near"],
    [950, "critical"],
    [999, "critical"],
    [1000, "full"],
    [2000, "full"],
  ] as const)("with %s of 1000 bytes used is %s", (usedBytes, level) => {
    expect(nearLimit({ ...free, limitBytes: 1000, usedBytes })).toEqual({
      level,
      of: "bytes",
      fraction: usedBytes / 1000,
      why: undefined,
    })
  })

  it("is no matter without a limit, whatever is used or not known", () => {
    expect(nearLimit(free).level).toBe("no_limit")
    expect(nearLimit({ ...free, usedBytes: unknown }).level).toBe("no_limit")
  })

  it("is not known when either figure is not, and never fine", () => {
    const why = unknown.unknown
    expect(nearLimit({ ...free, limitBytes: unknown })).toMatchObject({ level: "unknown", why })
    expect(nearLimit({ ...free, limitBytes: 10, usedBytes: unknown })).toMatchObject({
      level: "unknown",
      why,
    })
    expect(nearLimit({ limitBytes: 100, usedBytes: 1, limitFiles: 100, usedFiles: unknown })).toMatchObject({
      level: "unknown",
      of: "files",
    })
  })

  it("is that of the more urgent limit", () => {
    const both = { limitBytes: 100, usedBytes: 90, limitFiles: 100, usedFiles: 96 }
    expect(nearLimit(both)).toMatchObject({ level: "critical", of: "files" })
    expect(nearLimit({ ...both, usedBytes: 100 })).toMatchObject({ level: "full", of: "bytes" })
    expect(nearLimit({ ...both, usedFiles: unknown })).toMatchObject({ level: "near", of: "bytes" })
  })

  it("has thresholds that can be chosen, and a limit of nothing is full", () => {
    const half = { near: 0.5, critical: 0.6 }
    expect(nearLimit({ ...free, limitBytes: 100, usedBytes: 50 }, half).level).toBe("near")
    expect(nearLimit({ ...free, limitBytes: 0, usedBytes: 0 }).level).toBe("full")
  })
})

describe("a limit of our own", () => {
  it("is watched and not enforced, and what was not measured stays unknown", () => {
    const quota = ownLimit("/srv/a", 1000, { bytes: 900, files: unknown, source: "a walk" })
    expect(quota).toMatchObject({
      kind: "own",
      enforced: false,
      limitBytes: 1000,
      usedFiles: unknown,
      source: "a walk",
    })
    expect(nearLimit(quota).level).toBe("near")
    expect(nearLimit(ownLimit("/srv/a", 1000, { bytes: unknown, files: 1, source: "" })).level).toBe(
      "unknown",
    )
  })
})
