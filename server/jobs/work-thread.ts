import { Worker } from "node:worker_threads"
import { Rpc } from "../catalog/rpc.js"
import type { JobContext, Outcome } from "./kind.js"
import type { BodyMethods, RunMethods } from "./work-body.js"

export interface WorkThreadOptions {
  /** After an abort, so long until the thread is ended by force. */
  readonly graceMs?: number
  /** Memory of the thread's own objects. One that needs more fails, and the daemon does not. */
  readonly heapMb?: number
  /** Answers what the work asks in the middle of its run. In the daemon's thread: in a few milliseconds. */
  readonly answer?: (question: unknown) => unknown
}

const GRACE_MS = 4_000
const HEAP_MB = 512

/**
 * Does a run's work in a thread of its own, so that the daemon and the stores' threads go on answering. `entry` is a file that calls
 * `serveWork`; it is named among the inputs in scripts/build.mjs and given as `new URL("./NAME.js", import.meta.url)`. `input` crosses by
 * structured clone: plain values, a password as its text. Rejects with what the work threw (a StorageError as such), and only when
 * the thread is over: one that hangs in the kernel keeps the run going, and its lease with it.
 */
export async function inThread(
  entry: URL,
  input: unknown,
  context: JobContext,
  { graceMs = GRACE_MS, heapMb = HEAP_MB, answer }: WorkThreadOptions = {},
): Promise<Outcome> {
  const { signal, run, subject, checkpoint } = context
  signal.throwIfAborted()
  const worker = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: heapMb } })
  const methods: RunMethods = {
    progress: (progress) => {
      context.progress(progress)
    },
    log: ({ message, facts, level }) => {
      context.log(message, facts, level)
    },
    getCheckpoint: () => checkpoint.get(),
    setCheckpoint: (value) => checkpoint.set(value),
    standBack: () => context.standBack(),
    ask: (question) => Promise.resolve(question).then(answer),
  }
  const rpc = new Rpc<BodyMethods>(worker, methods)
  const over = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      resolve()
    })
  })
  worker.once("error", (error) => {
    rpc.abandon(error)
  })
  worker.once("exit", (code) => {
    rpc.abandon(new Error(`the thread of run ${run} ended with code ${code}`))
  })
  let force: NodeJS.Timeout | undefined
  const abort = (): void => {
    void rpc.call("abort", messageOf(signal.reason)).catch(() => undefined)
    force = setTimeout(() => void worker.terminate(), graceMs)
  }
  signal.addEventListener("abort", abort, { once: true })
  try {
    return await rpc.call("run", { run, subject, input })
  } finally {
    signal.removeEventListener("abort", abort)
    clearTimeout(force)
    // One that is over by itself may still hold files open; nothing of it may go on beside the next run.
    void worker.terminate()
    await over
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}
