import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { selectUncompacted } from "../../../storage/kopia/compaction-log.js"
import { readEpochNames } from "../../../storage/kopia/epoch-names.js"
import { selectLiveIndexes } from "../../../storage/kopia/live-indexes.js"
import { replacedByEpochs, replacedByLogs } from "../../../storage/kopia/vanished.js"

const hash = "0123456789abcdef0123456789abcdef"
const xn = (epoch: number, name = "a") => `xn${epoch}_${hash}-s${name}147-c1`
const xs = (epoch: number, token = "t", count = 1, part = 0) =>
  `xs${epoch}_${part}${hash}-s${token}-c${count}`
const xr = (first: number, last: number, token = "t", count = 1, part = 0) =>
  `xr${first}_${last}_${part}${hash}-s${token}-c${count}`
const select = (...ids: string[]) => [...selectLiveIndexes(readEpochNames(ids)).blobs].sort()
const lost = expect.objectContaining({ code: "index_lost" }) as Error

describe("the live index blobs of a repository with epochs", () => {
  it("are those of epoch 0 and 1 before any marker", () => {
    expect(select(xn(0, "a"), xn(0, "b"), xn(1))).toEqual([xn(0, "a"), xn(0, "b"), xn(1)])
  })

  it("are those of one epoch beyond the marker too, because its writer is ahead", () => {
    expect(select("xe1", xn(0), xn(1), xn(2))).toEqual([xn(0), xn(1), xn(2)])
  })

  it("take epoch 12 for twelve, not for one", () => {
    const epochs = Array.from({ length: 13 }, (_, epoch) => xn(epoch))
    expect(select("xe12", ...epochs)).toEqual([...epochs].sort())
  })

  it("are an epoch's compaction once the epoch is settled", () => {
    expect(select("xe2", xn(0), xs(0), xn(1), xs(1))).toEqual([xn(1), xs(0)])
  })

  it("are the uncompacted ones while a compaction lacks a part", () => {
    expect(select("xe2", xn(0), xs(0, "t", 2, 0), xn(1))).toEqual([xn(0), xn(1)])
    expect(select("xe2", xn(0), xs(0, "t", 2, 0), xs(0, "t", 2, 1), xn(1))).toEqual([
      xn(1),
      xs(0, "t", 2, 0),
      xs(0, "t", 2, 1),
    ])
  })

  it("are one of two complete compactions, never parts of both", () => {
    const chosen = select(
      "xe2",
      xn(1),
      xs(0, "a", 2, 0),
      xs(0, "a", 2, 1),
      xs(0, "b", 2, 2),
      xs(0, "b", 2, 3),
    )
    expect(chosen).toHaveLength(3)
    expect(new Set(chosen.filter((id) => id.startsWith("xs")).map((id) => id.split("-")[1])).size).toBe(1)
  })

  it("are the ranges that reach farthest from epoch 0, and no range beyond a gap", () => {
    const tail = [xn(8), xn(9), xn(10)]
    expect(select("xe9", "xw5", xr(0, 3), xr(0, 7), xr(4, 5), ...tail)).toEqual([...tail, xr(0, 7)].sort())
    expect(select("xe9", xr(0, 3), xr(4, 7), ...tail)).toEqual([...tail, xr(0, 3), xr(4, 7)].sort())
    const separate = [xs(0), xs(1), xs(2), xs(3), xn(4), xn(5)]
    expect(select("xe5", xr(2, 3), ...separate)).toEqual([...separate].sort())
  })

  it("are not whole when an epoch that was left has none", () => {
    expect(() => select("xe3", xn(0), xn(2), xn(3))).toThrow(lost)
    expect(() => select("xe3", xs(0, "t", 2, 0), xn(1), xn(2))).toThrow(lost)
    expect(() => select("xe9", xr(0, 3, "t", 2, 0), xn(8), xn(9))).toThrow(lost)
  })

  it("are not whole when the markers are gone but later epochs are here", () => {
    expect(() => select(xn(0), xn(1), xn(2))).toThrow(lost)
    expect(() => select("xe0", xn(0), xs(0), xs(1), xn(5))).toThrow(lost)
  })

  it("are none in a repository that was just made", () => {
    expect(select()).toEqual([])
  })

  it("do not end in a loop for absurd numbers", () => {
    expect(() => select("xe99999999999999999999", xn(0))).toThrow(lost)
    expect(() => select(`xe${"9".repeat(400)}`, xn(0))).toThrow(lost)
  })

  /** What maintenance does to a repository, step by step, in an order in which the engine may do it. */
  const step = fc.constantFrom("write", "advance", "compact", "range", "clean")

  it("name every content ever written, at any point of any life", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const life = new EpochLife()
        for (const one of steps) {
          const before = selectLiveIndexes(readEpochNames(life.blobs.keys()))
          life[one]()
          const after = selectLiveIndexes(readEpochNames(life.blobs.keys()))
          expect(new Set(after.blobs.flatMap((id) => life.blobs.get(id) ?? []))).toEqual(life.written)
          const live = new Set(after.blobs)
          for (const id of before.blobs) expect(live.has(id) || replacedByEpochs(id, after)).toBe(true)
        }
      }),
    )
  })

  it("are not explained away: no lost one counts as replaced, or nothing is missing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, choice) => {
        const life = new EpochLife()
        for (const one of steps) life[one]()
        const before = selectLiveIndexes(readEpochNames(life.blobs.keys())).blobs
        const victim = before[choice % Math.max(1, before.length)]
        if (victim === undefined) return
        life.blobs.delete(victim)
        let after: ReturnType<typeof selectLiveIndexes>
        try {
          after = selectLiveIndexes(readEpochNames(life.blobs.keys()))
        } catch (error) {
          expect(error).toMatchObject({ code: "index_lost" })
          return
        }
        const found = new Set(after.blobs.flatMap((id) => life.blobs.get(id) ?? []))
        const whole = found.size === life.written.size
        const unexplained = before.some((id) => !after.blobs.includes(id) && !replacedByEpochs(id, after))
        expect(whole || unexplained).toBe(true)
      }),
    )
  })
})

/** A small model of the epoch manager: blobs, and the contents that each names. */
class EpochLife {
  readonly blobs = new Map<string, string[]>()
  readonly written = new Set<string>()
  #epoch = 0
  #next = 0

  write(): void {
    const content = `content ${this.#next++}`
    this.written.add(content)
    this.blobs.set(xn(this.#epoch, `w${this.#next}`), [content])
  }

  advance(): void {
    if (this.#of("n", this.#epoch).length > 0) this.blobs.set(`xe${++this.#epoch}`, [])
  }

  compact(): void {
    for (let epoch = 0; epoch <= this.#epoch - 2; epoch++) {
      if (this.#of("s", epoch).length > 0 || this.#of("n", epoch).length === 0) continue
      this.blobs.set(xs(epoch, `c${this.#next++}`), this.#contents(this.#of("n", epoch)))
      return
    }
  }

  range(): void {
    const { rangesEnd } = selectLiveIndexes(readEpochNames(this.blobs.keys()))
    const last = rangesEnd + 2
    if (last > this.#epoch - 2) return
    const sources = [rangesEnd, rangesEnd + 1, rangesEnd + 2].flatMap((epoch) =>
      this.#of("s", epoch).length > 0 ? this.#of("s", epoch) : this.#of("n", epoch),
    )
    this.blobs.set(xr(rangesEnd, last, `r${this.#next++}`), this.#contents(sources))
  }

  clean(): void {
    for (let epoch = 0; epoch <= this.#epoch - 2; epoch++) {
      if (this.#of("s", epoch).length > 0) for (const id of this.#of("n", epoch)) this.blobs.delete(id)
    }
  }

  #of(kind: "n" | "s", epoch: number): string[] {
    return [...this.blobs.keys()].filter((id) => id.startsWith(`x${kind}${epoch}_`))
  }

  #contents(ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.blobs.get(id) ?? [])
  }
}

describe("the live index blobs of a repository with compaction logs", () => {
  it("are all but the inputs of compactions whose outputs are there", () => {
    expect(selectUncompacted(["n1", "n2", "n3"], [{ inputs: ["n1", "n2"], outputs: ["n3"] }])).toEqual(["n3"])
    expect(selectUncompacted(["n1", "n2"], [{ inputs: ["n1", "n2"], outputs: ["n3"] }])).toEqual(["n1", "n2"])
  })

  it("follow logs whose outputs were compacted in their turn", () => {
    const logs = [
      { inputs: ["n1", "n2"], outputs: ["n3"] },
      { inputs: ["n3", "n4"], outputs: ["n5"] },
    ]
    expect(selectUncompacted(["n1", "n2", "n3", "n4", "n5"], logs)).toEqual(["n5"])
  })

  it("count as replaced only by a log whose outputs are all there", () => {
    const log = { inputs: ["n1"], outputs: ["n2", "n3"] }
    expect(replacedByLogs([log], new Set(["n2", "n3"]))).toEqual(new Set(["n1"]))
    expect(replacedByLogs([log], new Set(["n2"]))).toEqual(new Set())
  })

  it("count as replaced by what replaced their replacement, in whatever order it was logged", () => {
    const logs = [
      { inputs: ["n3", "n4"], outputs: ["n5"] },
      { inputs: ["n1", "n2"], outputs: ["n3"] },
      { inputs: ["n5"], outputs: ["n6"] },
    ]
    expect(replacedByLogs(logs, new Set(["n6"]))).toEqual(new Set(["n1", "n2", "n3", "n4", "n5"]))
    expect(replacedByLogs(logs, new Set(["n4"]))).toEqual(new Set())
    expect(
      replacedByLogs(
        [
          { inputs: ["n1"], outputs: ["n2"] },
          { inputs: ["n2"], outputs: ["n1"] },
        ],
        new Set(),
      ),
    ).toEqual(new Set())
  })
})
