import { setTimeout as delay } from "node:timers/promises"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { JobContext, Outcome } from "../../../server/jobs/kind.js"
import { Secret, StorageError } from "../../../storage/index.js"
import { until } from "../../support/until.js"
import { bench, kind, readTree, repository, tree } from "./support.js"
import { usualTiming } from "../../../server/jobs/active-run.js"

const ok: Outcome = { outcome: "ok" }
const fast = { ...usualTiming, hardLimitMs: 60, standBackMs: 5 }

/** Work that goes on until it is let go. */
function held(): { run: (context: JobContext) => Promise<Outcome>; release: () => void; begun: number } {
  const waiting: (() => void)[] = []
  const work = {
    begun: 0,
    run: async (): Promise<Outcome> => {
      work.begun += 1
      await new Promise<void>((resolve) => waiting.push(resolve))
      return ok
    },
    release: () => {
      for (const go of waiting.splice(0)) go()
    },
  }
  return work
}

afterEach(() => {
  vi.useRealTimers()
})

describe("a run", () => {
  it("reads a real tree, shows its progress, keeps its log and its outcome", async () => {
    const root = tree(40)
    const { runner, ended, start, logs } = bench([kind("read", (context) => readTree(root, context, 2))])
    const id = start("read", repository("one"))
    await until(
      () => runner.liveRun(id)?.active?.progress?.done,
      (done) => (done ?? 0) > 3,
      "progress",
    )
    const row = await ended(id)
    expect(row).toMatchObject({ outcome: "ok", cause: "person", by: "tester", attempt: 1 })
    expect(JSON.parse(row.facts ?? "")).toEqual({ files: 40 })
    expect(JSON.parse(row.progress ?? "")).toMatchObject({ done: 40, total: 40 })
    const { lines } = await logs.read(id, 0)
    expect(lines.map(({ message }) => message)).toEqual(["read of one at tank:one begins", "ended: ok"])
    await until(
      () => runner.liveRun(id),
      (live) => live === undefined,
      "it to be over",
    )
  })

  it("ends within moments of its cancel, and goes on from its checkpoint the next time", async () => {
    const root = tree(60)
    const files: string[] = []
    const one = bench([
      kind("read", (context) => readTree(root, context, 5, (file) => files.push(file)), { resumable: true }),
    ])
    const first = one.start("read", repository("one"))
    await until(
      () => files.length,
      (count) => count > 10,
      "some files",
    )
    expect(one.runner.cancel(first, "local administrator")).toBe(true)
    expect(await one.ended(first)).toMatchObject({ outcome: "interrupted", reason: "cancelled" })
    expect(one.runner.cancel(first, "local administrator")).toBe(false)
    const second = await one.ended(one.start("read", repository("one")))
    expect(second.outcome).toBe("ok")
    expect(files.length).toBe(60)
    expect(new Set(files).size).toBe(60)
    expect(await one.book.checkpoint("read", repository("one")).get()).toBeUndefined()
  })

  it("that ignores its cancel is told interrupted, and keeps others off until it has really ended", async () => {
    const deaf = held()
    const other = held()
    const { runner, ended, start, logs } = bench(
      [
        kind("deaf", deaf.run, { changing: true }),
        kind("prune", other.run, { changing: true }),
        kind("read", () => Promise.resolve(ok)),
      ],
      { timing: fast, limits: { atOnce: 9, perDisk: 9 } },
    )
    const id = start("deaf", repository("one"))
    runner.cancel(id, "tester")
    const row = await ended(id)
    expect(row).toMatchObject({ outcome: "interrupted", reason: "cancelled" })
    expect(row.message).toContain("keeps others off")
    expect(runner.liveRun(id)?.active?.lingers).toBe(true)
    const next = start("prune", repository("one"))
    expect((await ended(start("read", repository("one")))).outcome).toBe("ok")
    expect(runner.liveRun(next)?.waitsFor).toContain(id)
    expect(other.begun).toBe(0)
    deaf.release()
    await until(
      () => other.begun,
      (begun) => begun === 1,
      "the next one to begin",
    )
    other.release()
    expect((await ended(next)).outcome).toBe("ok")
    expect((await ended(id)).outcome).toBe("interrupted")
    const { lines } = await logs.read(id, 0)
    expect(lines.at(-1)?.message).toBe("it has ended after all")
  })

  it.each([
    [
      "a failure of storage",
      () =>
        Promise.reject(new StorageError("wrong_password", "no key opens it", { hint: "Set the password." })),
      { outcome: "failed", reason: "wrong_password", message: "no key opens it. Set the password." },
    ],
    [
      "a fault of ours",
      () => Promise.reject(new Error("undefined is not a function")),
      { outcome: "failed", reason: "internal" },
    ],
    [
      "what is thrown at once",
      () => {
        throw new TypeError("at once")
      },
      { outcome: "failed", reason: "internal" },
    ],
    [
      "findings",
      () => Promise.resolve<Outcome>({ outcome: "findings", message: "2 blobs are bad" }),
      { outcome: "findings", message: "2 blobs are bad" },
    ],
    [
      "nothing to do",
      () =>
        Promise.resolve<Outcome>({
          outcome: "skipped",
          reason: "no_password",
          message: "it has no password",
        }),
      { outcome: "skipped", reason: "no_password", message: "it has no password" },
    ],
  ])("of %s has that outcome", async (_what, run, expected) => {
    const { ended, start } = bench([kind("it", run)])
    expect(await ended(start("it", repository("one")))).toMatchObject(expected)
  })

  it("that finished in spite of its cancel is what it says", async () => {
    const work = held()
    const { runner, ended, start } = bench([kind("it", work.run)])
    const id = start("it", repository("one"))
    runner.cancel(id, "tester")
    work.release()
    expect((await ended(id)).outcome).toBe("ok")
  })

  it("that shows no progress is ended as failed, but not while it stands back", async () => {
    let busy: string | undefined
    let asked = 0
    const { runner, ended, start } = bench(
      [
        kind(
          "it",
          async (context) => {
            busy = "a mover writes"
            await context.standBack()
            await delay(60_000, undefined, { signal: context.signal })
            return ok
          },
          { stallMs: 50 },
        ),
      ],
      {
        timing: fast,
        standBack: () => {
          asked += 1
          return busy
        },
      },
    )
    const id = start("it", repository("one"))
    await until(
      () => runner.liveRun(id)?.waitsFor,
      (why) => why === "a mover writes",
      "it to stand back",
    )
    const before = asked
    await until(
      () => asked,
      (count) => count > before + 20,
      "it to have stood back for longer than it may stall",
    )
    expect(runner.liveRun(id)?.waitsFor).toBe("a mover writes")
    busy = undefined
    expect(await ended(id)).toMatchObject({ outcome: "failed", reason: "stalled" })
  })

  it("stands back together with all its workers, and a cancel ends that at once", async () => {
    let asked = 0
    const { runner, ended, start, logs } = bench(
      [
        kind("it", async (context) => {
          await Promise.all([context.standBack(), context.standBack(), context.standBack()])
          return ok
        }),
      ],
      {
        timing: { ...usualTiming, hardLimitMs: 5_000, standBackMs: 60_000 },
        standBack: () => (asked++ === 0 ? undefined : "a mover writes"),
      },
    )
    const id = start("it", repository("one"))
    await until(
      () => runner.liveRun(id)?.waitsFor,
      (why) => why === "a mover writes",
      "it to stand back",
    )
    runner.cancel(id, "tester")
    expect((await ended(id)).outcome).toBe("interrupted")
    const { lines } = await logs.read(id, 0)
    expect(lines.filter(({ message }) => message.startsWith("stands back"))).toHaveLength(1)
  })
})

describe("the queue", () => {
  it("begins no more than its limits allow, at once and on one disk, and what somebody asked for first", async () => {
    const work = held()
    const order: string[] = []
    const { runner, start } = bench(
      [
        kind("it", async (context) => {
          order.push(context.run)
          return work.run(context)
        }),
      ],
      { limits: { atOnce: 2, perDisk: 1 } },
    )
    const scheduled = { cause: "schedule" } as const
    const a1 = start("it", repository("a1", "a"), scheduled)
    start("it", repository("a2", "a"), scheduled)
    const a3 = start("it", repository("a3", "a"))
    const b1 = start("it", repository("b1", "b"), scheduled)
    const c1 = start("it", repository("c1", "c"), scheduled)
    expect(order).toEqual([a1, b1])
    expect(runner.liveRun(c1)?.waitsFor).toContain("no more at once")
    work.release()
    await until(
      () => order.length,
      (count) => count === 4,
      "the next ones",
    )
    expect(order.slice(2)).toEqual([a3, c1])
    expect(runner.liveRun(order[0] ?? "")).toBeUndefined()
    work.release()
    await until(
      () => order.length,
      (count) => count === 5,
      "the last one",
    )
    work.release()
  })

  it("records a run as skipped, with why, while the same waits or is under way", async () => {
    const work = held()
    const { ended, start } = bench([kind("it", work.run)])
    const first = start("it", repository("one"))
    const second = await ended(start("it", repository("one"), { cause: "schedule" }))
    expect(second).toMatchObject({ outcome: "skipped", reason: "same_run", startedAt: null })
    expect(second.message).toContain(first)
    work.release()
    await ended(first)
  })

  it("waits for movers as long as they write where a run changes something, some time where it reads, and never where it is light", async () => {
    const { runner, ended, start } = bench(
      [
        kind("reads", () => Promise.resolve(ok)),
        kind("changes", () => Promise.resolve(ok), { changing: true }),
        kind("light", () => Promise.resolve(ok), { light: true }),
      ],
      {
        standBack: (_subject, _asked, besideMovers) => (besideMovers ? undefined : "a mover writes"),
        timing: { ...fast, moverPatienceMs: 300 },
        limits: { atOnce: 5, perDisk: 5 },
      },
    )
    const changes = start("changes", repository("one"))
    const reads = start("reads", repository("one"))
    expect(await ended(start("light", repository("one")))).toMatchObject({ outcome: "ok" })
    expect(runner.liveRun(reads)?.waitsFor).toBe("a mover writes")
    await until(
      () => {
        runner.poke()
        return runner.liveRun(reads)
      },
      (live) => live?.waitsFor !== "a mover writes",
      "the patience to be over",
    )
    expect(await ended(reads)).toMatchObject({ outcome: "ok" })
    expect(runner.liveRun(changes)?.waitsFor).toBe("a mover writes")
  })

  it("begins nothing while a mover writes, and tries again what may pass, not what cannot", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    let writes: string | undefined = "a mover writes"
    let tries = 0
    const { runner, ended, start, runs } = bench(
      [
        kind("flaky", () => {
          tries += 1
          return tries < 3 ? Promise.reject(new StorageError("timeout", "no answer")) : Promise.resolve(ok)
        }),
        kind("broken", () => Promise.reject(new StorageError("corrupt", "it is damaged"))),
      ],
      { standBack: () => writes },
    )
    vi.useRealTimers()
    const id = start("flaky", repository("one"))
    expect(runner.liveRun(id)?.waitsFor).toBe("a mover writes")
    writes = undefined
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    runner.poke()
    const settled = () => new Promise(setImmediate)
    for (let step = 0; step < 5; step++) await settled()
    expect(runs.get(id)).toMatchObject({ outcome: "failed", reason: "timeout", again: 1 })
    vi.advanceTimersByTime(59_000)
    expect(tries).toBe(1)
    vi.advanceTimersByTime(1_500)
    for (let step = 0; step < 5; step++) await settled()
    expect(tries).toBe(2)
    vi.advanceTimersByTime(5 * 60_000)
    for (let step = 0; step < 5; step++) await settled()
    vi.useRealTimers()
    expect(tries).toBe(3)
    const [last, middle] = runs.list({}, undefined, 9)
    expect(last).toMatchObject({ outcome: "ok", cause: "retry", attempt: 3, follows: middle?.id, again: 0 })
    expect(await ended(start("broken", repository("one")))).toMatchObject({ outcome: "failed", again: 0 })
  })

  it("forgets no outcome that the state database did not take at once", async () => {
    const work = held()
    const one = bench([kind("it", work.run)])
    const id = one.start("it", repository("one"))
    const end = vi.spyOn(one.runs, "end").mockImplementation(() => {
      throw new Error("disk full")
    })
    work.release()
    await until(
      () => one.runner.liveRun(id),
      (live) => live === undefined,
      "it to be over",
    )
    expect(one.book.get(id)?.outcome).toBeNull()
    end.mockRestore()
    one.runner.poke()
    expect(one.book.get(id)?.outcome).toBe("ok")
  })

  it("ends work on what is not declared any more", async () => {
    let declared = true
    const one = bench([kind("it", (context) => delay(60_000, ok, { signal: context.signal }))], {
      isDeclared: () => declared,
    })
    const first = one.start("it", repository("one"))
    const second = one.start("it", repository("two"))
    declared = false
    one.runner.redeclared()
    expect(await one.ended(first)).toMatchObject({ outcome: "interrupted" })
    expect(await one.ended(second)).toMatchObject({ outcome: "skipped", reason: "not_declared" })
  })
})

describe("after the daemon's end", () => {
  it("what can go on does so from its checkpoint, and what cannot is interrupted", async () => {
    const root = tree(60)
    const files: string[] = []
    const reading = kind("read", (context) => readTree(root, context, 5, (file) => files.push(file)), {
      resumable: true,
    })
    const plain = kind("plain", (context) => delay(60_000, ok, { signal: context.signal }))
    const options = { limits: { atOnce: 2, perDisk: 2 } }
    const first = bench([reading, plain], options)
    const [a, b] = [first.start("read", repository("one")), first.start("plain", repository("one"))]
    const c = first.start("plain", repository("two"))
    await until(
      () => files.length,
      (count) => count > 5,
      "some files",
    )
    expect(await first.runner.stop()).toBe(true)
    first.close()

    const second = bench([reading, kind("plain", () => Promise.resolve(ok))], options, first.state)
    expect(second.book.get(a)).toMatchObject({ outcome: "interrupted", reason: "stopping", again: 1 })
    expect(second.book.get(b)).toMatchObject({ outcome: "interrupted", reason: "stopping", again: 0 })
    second.runner.recover()
    expect(second.book.get(c)).toMatchObject({ outcome: "skipped", reason: "not_begun" })
    const rows = await until(
      () => second.runs.list({}, undefined, 9),
      (seen) => seen.every(({ outcome }) => outcome !== null),
      "all to end",
    )
    expect(rows.map(({ kind, cause, outcome, follows }) => [kind, cause, outcome, follows])).toEqual(
      expect.arrayContaining([
        ["read", "resume", "ok", a],
        ["plain", "resume", "ok", c],
      ]),
    )
    expect(rows).toHaveLength(5)
    expect(files.length).toBe(60)
    const continued = rows.find(({ follows }) => follows === a)
    expect(
      (await second.logs.read(continued?.id ?? "", 0)).lines.some(({ message }) => message === "goes on"),
    ).toBe(true)
    expect(second.runs.again()).toEqual([])
  })

  it("a run that ends the daemon each time is left alone in the end", () => {
    const never = kind("it", () => new Promise<Outcome>(() => undefined), { resumable: true })
    let one = bench([never])
    one.start("it", repository("one"))
    for (let crash = 0; crash < 8; crash++) {
      one.close()
      one = bench([never], {}, one.state)
      one.runner.recover()
    }
    const rows = one.runs.list({}, undefined, 99)
    expect(rows).toHaveLength(5)
    expect(rows.every(({ outcome, reason }) => outcome === "interrupted" && reason === "crashed")).toBe(true)
  })

  it("ids still sort by time when the clock has gone back", () => {
    let now = Date.parse("2030-01-01Z")
    const first = bench([kind("it", () => Promise.resolve(ok))], { now: () => now })
    const before = first.start("it", repository("one"))
    first.close()
    now = Date.parse("2026-01-01Z")
    const second = bench([kind("it", () => Promise.resolve(ok))], { now: () => now }, first.state)
    const after = second.start("it", repository("two"))
    expect(after > before).toBe(true)
  })
})

describe("a run's log", () => {
  it("never holds a secret, and cannot grow without end", async () => {
    const password = new Secret("correct horse")
    const { ended, start, logs, state } = bench([
      kind("it", (context) => {
        context.log(`opens with ${password.toString()}`, {
          password,
          token: "abc",
          secret: "def",
          plain: "ghi",
        })
        for (let at = 0; at < 3_000; at++) context.log("x".repeat(4_000), { at })
        context.log("y".repeat(1_000_000), {}, "error")
        return Promise.resolve(ok)
      }),
    ])
    const id = start("it", repository("one"))
    await ended(id)
    const file = join(state, "runs", id.slice(0, 5), `${id}.log`)
    const text = readFileSync(file, "utf8")
    expect(text).not.toMatch(/correct horse|abc|def"/)
    expect(text).toContain("ghi")
    expect(statSync(file).size).toBeLessThan(6 * 1024 * 1024)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const messages: string[] = []
    for (let from = 0; ;) {
      const page = await logs.read(id, from)
      messages.push(...page.lines.map(({ message }) => message))
      if (page.next === from) break
      from = page.next
    }
    expect(messages.at(-1)).toBe("ended: ok")
    expect(messages.at(-2)).toMatch(/lines were left out/)
    expect(messages.at(-3)).toMatch(/^y+…$/)
  })

  it("reads up to a line that a crash cut off", async () => {
    const { ended, start, logs, state } = bench([kind("it", () => Promise.resolve(ok))])
    const id = start("it", repository("one"))
    await ended(id)
    const file = join(state, "runs", id.slice(0, 5), `${id}.log`)
    const whole = readFileSync(file)
    const { writeFileSync } = await import("node:fs")
    for (let length = 0; length <= whole.length; length += 7) {
      writeFileSync(file, whole.subarray(0, length))
      const { lines, next } = await logs.read(id, 0)
      expect(lines.length).toBe(whole.subarray(0, length).toString().split("\n").length - 1)
      expect(next).toBeLessThanOrEqual(length)
    }
  })
})
