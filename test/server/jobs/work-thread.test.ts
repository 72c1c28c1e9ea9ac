import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import { usualTiming } from "../../../server/jobs/active-run.js"
import { inThread } from "../../../server/jobs/work-thread.js"
import { compiled } from "../../support/compiled.js"
import { until } from "../../support/until.js"
import { bench, type Bench, kind, repository, tree } from "./support.js"

// Threads are of the real code in files of their own, as in the build.

const body = `
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, statSync, readSync, openSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { StorageError } from "../storage/index.js"
import { Secret } from "../storage/secret.js"
import { serveWork } from "../server/jobs/work-body.js"
serveWork(async (context, input) => {
  if (input.how === "storage error") throw new StorageError("wrong_password", "no key opens it", { hint: "Set it." })
  if (input.how === "exit") process.exit(7)
  if (input.how === "throw later") { setTimeout(() => { throw new Error("out of nowhere") }); await delay(60_000) }
  if (input.how === "memory") { const all = []; for (;;) all.push(new Array(1e6).fill({}).map((_, at) => ({ at }))) }
  if (input.how === "spin") { context.log("spins"); await delay(20); for (;;); }
  if (input.how === "deaf") { await delay(600_000); }
  if (input.how === "hang") { context.log("hangs"); await delay(20); readSync(openSync(input.root, "r"), Buffer.alloc(1)) }
  const files = readdirSync(input.root, { recursive: true, encoding: "utf8" }).filter((file) => statSync(join(input.root, file)).isFile()).sort()
  const last = await context.checkpoint.get()
  const from = last === undefined ? 0 : files.indexOf(last.file) + 1
  context.log("from", { from, password: new Secret("correct horse") })
  for (const [at, file] of files.entries()) {
    if (at < from) continue
    await context.standBack()
    createHash("sha256").update(readFileSync(join(input.root, file))).digest()
    context.progress({ done: at + 1, total: files.length, unit: "items" })
    await context.checkpoint.set({ file })
    await delay(input.pause, undefined, { signal: context.signal })
  }
  return { outcome: "ok", facts: { files: files.length - from } }
})
`
let entry: URL
let open: Bench | undefined

beforeAll(() => {
  const root = compiled("server/jobs", "server/catalog", "server/db", "storage")
  mkdirSync(join(root, "bodies"))
  writeFileSync(join(root, "bodies/body.js"), body)
  entry = pathToFileURL(join(root, "bodies/body.js"))
})

afterEach(async () => {
  await open?.runner.stop()
})

function threads(input: object, hardLimitMs = 5_000): Bench {
  open = bench(
    [
      kind("it", (context) => inThread(entry, input, context, { graceMs: 100, heapMb: 64 }), {
        resumable: true,
      }),
    ],
    { timing: { ...usualTiming, hardLimitMs, standBackMs: 5 } },
  )
  return open
}

describe("work in a thread of its own", () => {
  it("shows progress, logs, is cancelled within moments, and goes on from its checkpoint", async () => {
    const { runner, start, ended, logs } = threads({ root: tree(60), pause: 10 })
    const first = start("it", repository("one"))
    await until(
      () => runner.liveRun(first)?.active?.progress?.done,
      (done) => (done ?? 0) > 5,
      "progress",
    )
    runner.cancel(first, "tester")
    expect(await ended(first)).toMatchObject({ outcome: "interrupted", reason: "cancelled" })
    const second = await ended(start("it", repository("one")))
    expect(second.outcome).toBe("ok")
    const { files } = JSON.parse(second.facts ?? "") as { files: number }
    expect(files).toBeGreaterThan(0)
    expect(files).toBeLessThan(56)
    const line = (await logs.read(second.id, 0)).lines.find(({ message }) => message === "from")
    expect(line?.facts).toEqual({ from: 60 - files, password: "[secret]" })
  })

  it("fails with the error of storage that it threw", async () => {
    const { start, ended } = threads({ how: "storage error" })
    expect(await ended(start("it", repository("one")))).toMatchObject({
      outcome: "failed",
      reason: "wrong_password",
      message: "no key opens it. Set it.",
    })
  })

  it.each(["exit", "throw later", "memory"])(
    "fails when the thread dies of %j, and the daemon does not",
    async (how) => {
      const { start, ended } = threads({ how })
      expect(await ended(start("it", repository("one")))).toMatchObject({
        outcome: "failed",
        reason: "internal",
      })
    },
  )

  it.each(["spin", "deaf"])("is ended by force when it is cancelled and goes on (%s)", async (how) => {
    const { runner, start, ended } = threads({ how })
    const id = start("it", repository("one"))
    await until(
      () => runner.liveRun(id)?.active,
      (active) => active !== undefined,
      "it to begin",
    )
    runner.cancel(id, "tester")
    expect(await ended(id)).toMatchObject({ outcome: "interrupted", reason: "cancelled" })
    await until(
      () => runner.liveRun(id),
      (live) => live === undefined,
      "its thread to be over",
    )
  })

  it("stands back as the daemon says", async () => {
    let busy: string | undefined
    const root = tree(30)
    open = bench([kind("it", (context) => inThread(entry, { root, pause: 30 }, context))], {
      timing: { ...usualTiming, hardLimitMs: 5_000, standBackMs: 5 },
      standBack: () => busy,
    })
    const id = open.start("it", repository("one"))
    await until(
      () => open?.runner.liveRun(id)?.active?.progress?.done,
      (done) => (done ?? 0) > 0,
      "progress",
    )
    busy = "a mover writes"
    await until(
      () => open?.runner.liveRun(id)?.waitsFor,
      (why) => why === "a mover writes",
      "it to stand back",
    )
    busy = undefined
    expect((await open.ended(id)).outcome).toBe("ok")
  })
})
