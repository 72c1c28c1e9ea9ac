import { describe, expect, it } from "vitest"
import type { Context } from "../../../server/cli/context.js"
import { Output } from "../../../server/cli/output.js"
import { progress, type ProgressMode } from "../../../server/cli/progress.js"
import { formatSeconds, progressBar } from "../../../server/cli/progress-figures.js"

/** What takes away the rest of a line. */
const CLEAR = "\x1b[K"

interface Stage {
  readonly context: Context
  readonly written: () => string
  readonly clock: { ms: number }
}

function stage(isTTY: boolean): Stage {
  let written = ""
  const stderr = { isTTY, columns: 80, write: (text: string) => (written += text) }
  const context = { out: new Output({ stdout: { write: () => true }, stderr }, {}) } as Context
  return { context, written: () => written, clock: { ms: 0 } }
}

function run({ context, clock }: Stage, mode?: ProgressMode): void {
  const work = { label: "scrub", unit: "bytes", total: 100 * 1024, ...(mode === undefined ? {} : { mode }) }
  const shown = progress(context, work, () => clock.ms)
  for (let done = 0; done <= 100; done += 10) {
    clock.ms += 1000
    shown.update(done * 1024)
  }
  shown.end()
  shown.end()
}

const figures = { done: 512, total: 1024, unit: "bytes", rate: 100, secondsLeft: 6 }

describe("how far long work is", () => {
  it("is a bar on a terminal, with bytes, rate and time left, and is gone at the end", () => {
    const terminal = stage(true)
    run(terminal)
    const lines = terminal.written().replaceAll(CLEAR, "").split("\r").slice(1)
    expect(lines).toHaveLength(12)
    expect(lines[5]).toMatch(/^scrub \[#{14}-{15}\] 50\.0 KiB of 100 KiB {2}\d+\.\d KiB\/s {2}\d+ s left$/)
    expect(lines.at(-1)).toBe("")
    expect(terminal.written().endsWith(`\r${CLEAR}`)).toBe(true)
  })

  it("is a line of JSON every few seconds elsewhere, and a last one", () => {
    const pipe = stage(false)
    run(pipe)
    const lines = pipe.written().trimEnd().split("\n")
    const told = lines.map((line) => (JSON.parse(line) as { progress: Record<string, unknown> }).progress)
    expect(told.map(({ done }) => done)).toEqual([40 * 1024, 90 * 1024, 100 * 1024])
    expect(told.at(-1)).toMatchObject({ label: "scrub", total: 100 * 1024, unit: "bytes", secondsLeft: 0 })
    expect(told[0]?.["rate"]).toBeCloseTo(8 * 1024, -3)
  })

  it("is nothing where nothing is asked for, and as asked where something is", () => {
    const silent = stage(true)
    run(silent, "none")
    expect(silent.written()).toBe("")
    const lines = stage(true)
    run(lines, "json")
    expect(lines.written()).toMatch(/^\{"progress"/)
  })

  it("gives way to what else is printed", () => {
    const terminal = stage(true)
    const shown = progress(terminal.context, { label: "scrub", unit: "packs" }, () => terminal.clock.ms)
    terminal.clock.ms = 1000
    shown.update(3)
    terminal.context.out.note("one pack is damaged")
    expect(terminal.written()).toBe("\rscrub 3 packs  3 packs/s\x1b[K\r\x1b[Kone pack is damaged\n")
    shown.end()
    expect(terminal.written()).toMatch(/damaged\n$/)
  })

  it.each([0, 10, 20, 40, 60, 79])("fits in %s columns", (width) => {
    expect(progressBar("scrub", figures, width).length).toBeLessThanOrEqual(width)
  })

  it("says nothing of a time left or a rate that nobody knows", () => {
    const line = progressBar(
      "scrub",
      { done: 5, total: undefined, unit: "packs", rate: undefined, secondsLeft: undefined },
      80,
    )
    expect(line).toBe("scrub 5 packs")
    expect(progressBar("scrub", { ...figures, done: 2048 }, 80)).toContain(`[${"#".repeat(30)}]`)
    expect(progressBar("scrub", { ...figures, done: 0, total: 0 }, 80)).toContain(`[${"#".repeat(30)}]`)
  })

  it.each([
    [0, "0 s"],
    [59.2, "1 min"],
    [200, "3 min 20 s"],
    [7500, "2 h 5 min"],
    [273_600, "3 d 4 h"],
  ])("shows %s seconds as %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text)
  })
})
