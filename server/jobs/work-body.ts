import { type MessagePort, parentPort } from "node:worker_threads"
import { Rpc } from "../catalog/rpc.js"
import type { JobContext, JobSubject, LogFacts, LogLevel, Outcome, RunProgress } from "./kind.js"

// The thread's end of a run. This and what it imports is loaded in the thread itself.

/** What the daemon's thread answers. Everything is plain: it crosses by structured clone. */
export interface RunMethods {
  readonly [name: string]: (argument: never) => unknown
  readonly progress: (progress: RunProgress) => void
  readonly log: (line: {
    readonly message: string
    readonly facts: LogFacts
    readonly level: LogLevel
  }) => void
  readonly getCheckpoint: (nothing: null) => Promise<unknown>
  readonly setCheckpoint: (value: unknown) => Promise<void>
  readonly standBack: (nothing: null) => Promise<void>
  readonly ask: (question: unknown) => Promise<unknown>
}

/** What the work hands to the daemon's thread in the middle of a run, and what comes back: plain, and as its `answer` throws. */
export type Ask = (question: unknown) => Promise<unknown>

/** What the thread answers. */
export interface BodyMethods {
  readonly [name: string]: (argument: never) => unknown
  readonly run: (work: {
    readonly run: string
    readonly subject: JobSubject
    readonly input: unknown
  }) => Promise<Outcome>
  readonly abort: (message: string) => void
}

/** So often progress crosses to the daemon, and it is asked whether to stand back. */
const TELL_EVERY_MS = 250

/** Answers for one run in this thread. To be called once, at the top of the thread's own file. `input`: what `inThread` was given. */
export function serveWork(
  work: (context: JobContext, input: unknown, ask: Ask) => Promise<Outcome>,
  port: MessagePort | null = parentPort,
): void {
  if (port === null) throw new Error("this file is for a thread of its own")
  const controller = new AbortController()
  const rpc: Rpc<RunMethods> = new Rpc<RunMethods>(port, {
    run: ({ run, subject, input }: Parameters<BodyMethods["run"]>[0]) => {
      const { context, flush } = contextOf(rpc, controller.signal, run, subject)
      return work(context, input, (question) => rpc.call("ask", question)).finally(flush)
    },
    abort: (message: string) => {
      controller.abort(new Error(message))
    },
  })
}

function contextOf(
  rpc: Rpc<RunMethods>,
  signal: AbortSignal,
  run: string,
  subject: JobSubject,
): { readonly context: JobContext; readonly flush: () => void } {
  let [toldAt, askedAt] = [-Infinity, -Infinity]
  let last: RunProgress | undefined
  let later: NodeJS.Timeout | undefined
  const tell = (): void => {
    later = undefined
    toldAt = performance.now()
    if (last !== undefined) void rpc.call("progress", last).catch(() => undefined)
  }
  const context: JobContext = {
    run,
    subject,
    signal,
    progress: (progress) => {
      last = progress
      const wait = toldAt + TELL_EVERY_MS - performance.now()
      if (wait <= 0) tell()
      else later ??= setTimeout(tell, wait).unref()
    },
    log: (message, facts = {}, level = "info") => {
      // A Secret cannot be cloned, and must not be.
      const plain = JSON.parse(JSON.stringify(facts)) as LogFacts
      void rpc.call("log", { message, facts: plain, level }).catch(() => undefined)
    },
    checkpoint: {
      get: () => rpc.call("getCheckpoint", null),
      set: async (value) => {
        await rpc.call("setCheckpoint", JSON.parse(JSON.stringify(value)))
      },
    },
    standBack: async () => {
      signal.throwIfAborted()
      if (performance.now() - askedAt < TELL_EVERY_MS) return
      await rpc.call("standBack", null)
      askedAt = performance.now()
      signal.throwIfAborted()
    },
  }
  // Before the outcome: calls arrive in their order.
  return { context, flush: tell }
}
