import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { JobMemory, openDatabase, Runs, type RunRow } from "../../../server/db/index.js"
import type { JobContext, JobKind, JobSubject, Outcome } from "../../../server/jobs/kind.js"
import { RunBook } from "../../../server/jobs/run-book.js"
import { RunLogs } from "../../../server/jobs/run-log.js"
import { Runner, type RunnerParts } from "../../../server/jobs/runner.js"
import { scratch } from "../../support/fixtures.js"
import { until } from "../../support/until.js"

export function repository(name: string, store = "tank"): JobSubject {
  return { type: "repository", repository: name, store, path: name, place: `${store}:${name}` }
}

export function kind(name: string, run: JobKind["run"], more: Partial<JobKind> = {}): JobKind {
  const usual = {
    title: name,
    of: "repository",
    changing: false,
    resumable: false,
    schedule: undefined,
  } as const
  return { name, ...usual, ...more, run }
}

/** A directory tree of so many files. */
export function tree(files: number): string {
  const root = scratch()
  for (let at = 0; at < files; at++) {
    const folder = join(root, String(at % 7))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `file-${String(at).padStart(4, "0")}`), `contents of ${at}`)
  }
  return root
}

/** Reads and hashes each file of a tree, slowly; goes on behind the last one that it had read. */
export async function readTree(
  root: string,
  context: JobContext,
  pauseMs: number,
  read?: (file: string) => void,
): Promise<Outcome> {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(join(root, file)).isFile())
    .sort()
  const last = (await context.checkpoint.get()) as { file: string } | undefined
  const from = last === undefined ? 0 : files.indexOf(last.file) + 1
  if (from > 0) context.log("goes on", { from })
  for (const [at, file] of files.entries()) {
    if (at < from) continue
    context.signal.throwIfAborted()
    await context.standBack()
    createHash("sha256")
      .update(readFileSync(join(root, file)))
      .digest("hex")
    read?.(file)
    context.progress({ done: at + 1, total: files.length, unit: "items", text: file })
    await context.checkpoint.set({ file })
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal: context.signal })
  }
  return { outcome: "ok", facts: { files: files.length } }
}

export interface Bench {
  readonly runner: Runner
  readonly book: RunBook
  readonly logs: RunLogs
  readonly state: string
  readonly memory: JobMemory
  readonly runs: Runs
  /** Waits for its outcome. */
  readonly ended: (id: string) => Promise<RunRow>
  readonly start: (
    kind: string,
    subject: JobSubject,
    more?: { readonly cause?: RunRow["cause"]; readonly by?: string },
  ) => string
  readonly close: () => void
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** A runner with a real database and real logs. */
export function bench(kinds: readonly JobKind[], parts: Partial<RunnerParts> = {}, state = scratch()): Bench {
  const database = openDatabase(state)
  const [runs, memory] = [new Runs(database.connection), new JobMemory(database.connection)]
  const now = parts.now ?? Date.now
  const book = new RunBook({ runs, memory, now })
  const logs = new RunLogs(state)
  const runner = new Runner({
    kinds: new Map(kinds.map((one) => [one.name, one])),
    book,
    logs,
    now,
    diskOf: (subject) => (subject.type === "whole" ? undefined : subject.store),
    standBack: () => undefined,
    isDeclared: () => true,
    ended: () => undefined,
    log: quiet,
    ...parts,
  })
  return {
    runner,
    book,
    logs,
    state,
    memory,
    runs,
    async ended(id) {
      const row = await until(
        () => book.get(id),
        (seen) => seen?.outcome != null,
        `run ${id} to end`,
      )
      if (row === undefined) throw new Error("it is gone")
      return row
    },
    start: (name, subject, { cause = "person", by = "tester" } = {}) =>
      runner.submit([{ kind: name, subject, cause, by }])[0] ?? "",
    close: () => {
      database.close()
    },
  }
}
