import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import { cli, type CliResult } from "../support/cli.js"
import { compiled } from "../support/compiled.js"
import { scratch } from "../support/fixtures.js"
import { until } from "../support/until.js"
import type { JobsJson, RunJson, RunsJson } from "../../server/http/contract/jobs.js"
import { tree } from "../server/jobs/support.js"

// The daemon itself, in a process that can be killed, with jobs of the test's own beside its own.

const script = `
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { readConfig } from "./server/config/index.js"
import { startDaemon } from "./server/main.js"
const usual = { title: "for a test", of: "whole", changing: false, resumable: false, schedule: undefined }
const reread = {
  ...usual, name: "reread", resumable: true,
  run: async (context) => {
    const root = process.env.TEST_TREE
    const files = readdirSync(root, { recursive: true }).filter((file) => statSync(join(root, file)).isFile()).sort()
    const last = await context.checkpoint.get()
    for (const [at, file] of files.entries()) {
      if (last !== undefined && file <= last.file) continue
      context.signal.throwIfAborted()
      readFileSync(join(root, file))
      appendFileSync(process.env.TEST_READ, file + "\\n")
      context.log("read", { file })
      context.progress({ done: at + 1, total: files.length, unit: "items" })
      await context.checkpoint.set({ file })
      await delay(20, undefined, { signal: context.signal })
    }
    return { outcome: "ok" }
  },
}
const moreJobs = [
  reread,
  { ...usual, name: "finding", run: async () => ({ outcome: "findings", message: "2 are bad" }) },
  { ...usual, name: "failing", run: async () => { throw new Error("a fault") } },
  { ...usual, name: "endless", run: (context) => delay(600_000, { outcome: "ok" }, { signal: context.signal }) },
]
const daemon = await startDaemon(readConfig(process.env), { moreJobs })
console.log("LISTENS " + daemon.address)
process.once("SIGTERM", () => void daemon.stop())
`

let root = ""
const children = new Set<ChildProcess>()

beforeAll(() => {
  root = compiled("server", "storage")
  writeFileSync(join(root, "daemon.js"), script)
})

afterEach(() => {
  for (const child of children) child.kill("SIGKILL")
})

interface Daemon {
  readonly child: ChildProcess
  readonly address: string
}

async function start(state: string, environment: Readonly<Record<string, string>> = {}): Promise<Daemon> {
  const child = spawn(process.execPath, [join(root, "daemon.js")], {
    env: { PATH: process.env["PATH"], CISTERN_STATE: state, CISTERN_LISTEN: "127.0.0.1:0", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  })
  children.add(child)
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("LISTENS ")) {
      child.stdout.resume()
      return { child, address: line.slice(8) }
    }
  }
  throw new Error("the daemon did not start")
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    child.once("exit", (code) => {
      children.delete(child)
      resolve(code)
    })
    child.kill(signal)
  })
}

function commands(state: string) {
  const cistern = (...args: string[]): Promise<CliResult> =>
    cli(args, { environment: { CISTERN_STATE: state } })
  const json = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr } = await cistern(...args, "--json")
    if (stdout === "") throw new Error(stderr)
    return JSON.parse(stdout) as T
  }
  return { cistern, json }
}

describe("the daemon's jobs", () => {
  it("killed in the middle of a run, it leaves it interrupted and goes on where it was", async () => {
    const [state, read] = [scratch(), join(scratch(), "read")]
    const environment = { TEST_TREE: tree(80), TEST_READ: read }
    const lines = () => (existsSync(read) ? readFileSync(read, "utf8").trim().split("\n") : [])
    const first = await start(state, environment)
    const { cistern, json } = commands(state)
    const { runs } = await json<RunsJson>("run", "reread")
    const id = runs[0]?.id ?? ""
    await until(lines, (all) => all.length > 10, "some files")
    expect((await json<RunJson>("runs", id)).state).toBe("running")
    expect((await cistern("run", "reread")).exitCode).toBe(4)
    await ended(first.child, "SIGKILL")
    const readThen = lines().length

    await start(state, environment)
    expect(await json<RunJson>("runs", id)).toMatchObject({
      state: "ended",
      outcome: "interrupted",
      reason: "crashed",
    })
    const resumed = (await json<RunsJson>("runs", "--job", "reread")).runs[0]
    expect(resumed).toMatchObject({ cause: "resume", follows: id, attempt: 2 })
    const followed = await cistern("logs", "-f", resumed?.id ?? "", "--progress", "json")
    expect(followed.exitCode).toBe(0)
    expect(followed.stdout).toMatch(/begins[^]*read file=[^]*ended: ok/)
    expect(followed.stderr).toMatch(/"total":80/)
    // The file that was being read when it was killed may have been read twice.
    expect(lines().length).toBeLessThanOrEqual(81)
    expect(new Set(lines()).size).toBe(80)
    expect(readThen).toBeLessThan(80)
    expect(statSync(join(state, "runs")).mode & 0o777).toBe(0o700)
  })

  it("stops within moments while a run is under way, which is interrupted and comes again", async () => {
    const state = scratch()
    const environment = { TEST_TREE: tree(400), TEST_READ: join(scratch(), "read") }
    const first = await start(state, environment)
    const { json } = commands(state)
    const { runs } = await json<RunsJson>("run", "reread")
    const id = runs[0]?.id ?? ""
    await until(
      () => json<RunJson>("runs", id),
      ({ progress }) => progress !== null,
      "progress",
    )
    expect(await ended(first.child, "SIGTERM")).toBe(0)
    await start(state, environment)
    expect(await json<RunJson>("runs", id)).toMatchObject({ outcome: "interrupted", reason: "stopping" })
    const again = (await json<RunsJson>("runs", "--job", "reread")).runs
    expect(again[0]).toMatchObject({ follows: id, attempt: 1, state: "running" })
  })

  it("are listed, followed and cancelled from the command line, with an exit code for each outcome", async () => {
    const state = scratch()
    const { address } = await start(state)
    const { cistern, json } = commands(state)
    const { jobs } = await json<JobsJson>("jobs")
    expect(jobs.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["tidy", "reread", "finding", "failing", "endless"]),
    )
    expect(jobs[0]).toMatchObject({
      of: "whole",
      subjects: 1,
      schedules: [{ name: null, cron: "17 4 * * *" }],
    })
    expect(Date.parse(jobs[0]?.next ?? "")).toBeGreaterThan(Date.now())
    expect((await cistern("jobs")).stdout).toMatch(/JOB +NEXT[^]*tidy/)

    expect((await cistern("run", "tidy", "--wait")).exitCode).toBe(0)
    const found = await cistern("run", "finding", "--wait")
    expect(found.exitCode).toBe(1)
    expect(found.stdout).toContain("findings: 2 are bad")
    expect((await cistern("run", "failing", "--wait")).exitCode).toBe(3)
    expect((await cistern("run", "nothing")).exitCode).toBe(1)
    expect((await cistern("run", "tidy", "--repository", "none")).exitCode).toBe(1)
    expect((await cistern("runs", "../../etc/passwd")).exitCode).toBe(1)
    expect((await cistern("cancel", "0000000000zzzz")).exitCode).toBe(1)
    const subjects = await json<{ subjects: { lastOutcome: string }[] }>("jobs", "finding")
    expect(subjects.subjects).toMatchObject([{ lastOutcome: "findings" }])

    const { runs } = await json<RunsJson>("run", "endless")
    const id = runs[0]?.id ?? ""
    const following = cistern("run", "endless", "--wait")
    expect((await following).exitCode).toBe(4)
    const watched = cistern("logs", "-f", id)
    expect((await cistern("cancel", id)).exitCode).toBe(0)
    expect((await watched).exitCode).toBe(3)
    expect((await watched).stdout).toContain("cancelled by the local administrator")
    expect((await cistern("cancel", id)).exitCode).toBe(4)
    const page = await json<RunsJson>("runs", "--limit", "2")
    expect(page.runs).toHaveLength(2)
    const rest = await json<RunsJson>("runs", "--before", page.next ?? "")
    expect(rest.runs.map(({ job }) => job)).toEqual(["finding", "tidy"])
    expect((await json<RunsJson>("runs", "--outcome", "interrupted")).runs.map((run) => run.id)).toEqual([id])

    const metrics = await (await fetch(`http://${address}/metrics`)).text()
    expect(metrics).toContain('cistern_job_runs_total{job="finding",outcome="findings"} 1')
    expect(metrics).toContain('cistern_job_runs_total{job="reread",outcome="ok"} 0')
    expect(metrics).toMatch(
      /cistern_job_last_success_timestamp_seconds\{job="tidy",repository="",store=""\} \d/,
    )
    expect(metrics).not.toMatch(/cistern_job_last_success_timestamp_seconds\{job="failing"/)
  })
})
