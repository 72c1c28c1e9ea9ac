import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type Anomaly,
  limitsOf,
  noMemory,
  remembered,
  snapshotKey,
  type SourceMemory,
  stepsToCompare,
  usualLimits,
} from "../../../server/anomalies/index.js"
import { daily, HOUR } from "./snapshots.js"

describe("limits", () => {
  it("are the usual ones where nothing is said", () => {
    expect(limitsOf(undefined, "home/app")).toEqual(usualLimits)
    expect(limitsOf({ volumes: {} }, undefined)).toEqual(usualLimits)
  })

  it("of a volume go before the repository's, and those before the usual ones", () => {
    const settings = {
      lostPercent: 30,
      interval: "6h",
      off: ["growth" as const],
      volumes: { "home/app": { lostPercent: 70, firstBackup: "3d", off: [] } },
    }
    const repository = { ...usualLimits, lostPercent: 30, intervalMs: 6 * HOUR, off: ["growth"] }
    expect(limitsOf(settings, "home/other")).toEqual(repository)
    expect(limitsOf(settings, undefined)).toEqual(repository)
    expect(limitsOf(settings, "home/app")).toEqual({
      ...repository,
      lostPercent: 70,
      firstBackupMs: 72 * HOUR,
      off: [],
    })
  })

  it("of a volume with the name of something else are nobody's", () => {
    expect(limitsOf({ volumes: {} }, "constructor")).toEqual(usualLimits)
    expect(limitsOf({ volumes: {} }, "__proto__")).toEqual(usualLimits)
  })
})

describe("the memory of a source", () => {
  const complete = daily(Array.from({ length: 8 }, () => ({})))
  const at = (index: number) => complete[index] ?? expect.unreachable()
  const odd = (index: number): Anomaly => ({
    code: "file_zeroed",
    severity: "critical",
    subject: { kind: "snapshot", key: snapshotKey("s", at(index)) },
    title: "",
    hint: "",
    evidence: {},
  })

  it("begins with the newest step, and goes on with what is new", () => {
    const [first, ...more] = stepsToCompare("s", complete.slice(0, 6), noMemory, 100)
    expect([first?.before, first?.after, more]).toEqual([at(4), at(5), []])
    expect(first?.earlier).toEqual([at(1), at(2), at(3)])
    const memory = remembered("s", noMemory, first ?? expect.unreachable(), [], complete)
    expect(stepsToCompare("s", complete.slice(0, 6), memory, 100)).toEqual([])
    expect(stepsToCompare("s", complete, memory, 100).map(({ after }) => after)).toEqual([at(6), at(7)])
    expect(stepsToCompare("s", complete, memory, 1).map(({ after }) => after)).toEqual([at(7)])
  })

  it("goes on where the engine gave a snapshot another id, and begins anew where retention took it", () => {
    const memory = { compared: snapshotKey("s", at(5)), found: [] }
    const pinned = complete.map((one) => ({ ...one, id: `f${one.id}` }))
    expect(stepsToCompare("s", pinned, memory, 100)).toHaveLength(2)
    expect(
      stepsToCompare(
        "s",
        complete.filter((one) => one !== at(5)),
        memory,
        100,
      ).map(({ after }) => after),
    ).toEqual([at(7)])
    expect(stepsToCompare("s", [], memory, 100)).toEqual([])
  })

  it("keeps what was found as long as its snapshot is there, and stays small", () => {
    const step = (index: number) => ({ before: at(index - 1), after: at(index), earlier: [] })
    let memory: SourceMemory = remembered("s", noMemory, step(3), [odd(3)], complete)
    memory = remembered("s", memory, step(4), [odd(4)], complete)
    expect(memory.found).toEqual([odd(3), odd(4)])
    memory = remembered("s", memory, step(5), [], complete.slice(4))
    expect(memory.found).toEqual([odd(4)])
    expect(JSON.parse(JSON.stringify(memory))).toEqual(memory)
    const many = Array.from({ length: 200 }, () => odd(6))
    expect(remembered("s", memory, step(6), many, complete).found.length).toBeLessThanOrEqual(50)
  })

  it("has every snapshot compared once, however listings grow", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1 }), (lengths) => {
        let memory = noMemory
        const seen: string[] = []
        for (const length of [...lengths].sort((one, other) => one - other)) {
          for (const step of stepsToCompare("s", complete.slice(0, length), memory, 100)) {
            seen.push(step.after.id)
            memory = remembered("s", memory, step, [], complete)
          }
        }
        expect(new Set(seen).size).toBe(seen.length)
        expect(seen.at(-1)).toBe(complete[Math.max(...lengths) - 1]?.id)
      }),
    )
  })
})
