import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { FileTree } from "../blobs/index.js"
import { type ErrorFacts, StorageError, type StorageErrorCode } from "../errors.js"
import { createOpener } from "../open-contents.js"
import type { OpenerSpec } from "../stored-contents.js"
import type { PackJob } from "./pack-plan.js"
import { type JobResult, readPack } from "./read-pack.js"

/** What a thread answers to a job. */
export type WorkerAnswer =
  | { readonly result: JobResult }
  | {
      readonly error: {
        readonly code: StorageErrorCode
        readonly message: string
        readonly facts: ErrorFacts
        readonly hint: string | undefined
      }
    }

/** Reads jobs one by one. */
interface Reader {
  read(job: PackJob): Promise<JobResult>
  close(): Promise<unknown>
}

export interface ReadingOptions {
  readonly files: FileTree
  readonly opener: OpenerSpec
  /** Undefined: only what has a directory can be read by threads. */
  readonly directory: string | undefined
  /** 0: none beside this one. */
  readonly threads: number
  readonly signal: AbortSignal | undefined
  readonly pause: (() => Promise<void>) | undefined
}

/** A result needs little; young objects of a thread are gone with its job. */
const LIMITS = { maxYoungGenerationSizeMb: 4 }
const script = new URL("./verify-worker.js", import.meta.url)

/** Reads all jobs, as many at once as there are threads, and gives each result. Stops at the first failure that is no damage. */
export async function readJobs(
  jobs: Iterator<PackJob>,
  options: ReadingOptions,
  take: (job: PackJob, result: JobResult) => void,
): Promise<void> {
  const readers = await startReaders(options)
  let failed = false
  const work = async (reader: Reader): Promise<void> => {
    for (let next = jobs.next(); next.done !== true; next = jobs.next()) {
      options.signal?.throwIfAborted()
      await options.pause?.()
      take(next.value, await reader.read(next.value))
      if (failed) return
      await new Promise(setImmediate)
    }
  }
  try {
    await Promise.all(
      readers.map((reader) =>
        work(reader).catch((error: unknown) => {
          failed = true
          throw error
        }),
      ),
    )
  } finally {
    await Promise.all(readers.map((reader) => reader.close()))
  }
}

async function startReaders(options: ReadingOptions): Promise<Reader[]> {
  const { files, opener, directory, threads } = options
  if (directory === undefined || threads === 0) {
    const ready = await createOpener(opener)
    return [{ read: (job) => readPack(files, ready, job), close: () => Promise.resolve() }]
  }
  if (!existsSync(script)) {
    throw new StorageError("missing", `${fileURLToPath(script)}, a part of Cistern itself, is not there`, {
      hint: "Cistern is not installed whole: install it anew.",
    })
  }
  return Array.from({ length: threads }, () => new ThreadReader(directory, opener, options.signal))
}

class ThreadReader implements Reader {
  readonly #worker: Worker
  readonly #aborted: () => void
  readonly #signal: AbortSignal | undefined
  #waiting: { resolve: (result: JobResult) => void; reject: (error: unknown) => void } | undefined

  constructor(directory: string, opener: OpenerSpec, signal: AbortSignal | undefined) {
    this.#worker = new Worker(script, { workerData: { directory, opener }, resourceLimits: LIMITS })
    this.#signal = signal
    this.#aborted = () => {
      this.#fail(signal?.reason)
    }
    signal?.addEventListener("abort", this.#aborted)
    this.#worker.on("message", (answer: WorkerAnswer) => {
      if ("result" in answer) this.#waiting?.resolve(answer.result)
      else this.#fail(errorOf(answer.error))
    })
    this.#worker.on("error", (error) => {
      this.#fail(error)
    })
    this.#worker.on("exit", () => {
      this.#fail(new Error("a thread that reads packs ended"))
    })
  }

  read(job: PackJob): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#worker.postMessage(job)
    })
  }

  close(): Promise<unknown> {
    this.#signal?.removeEventListener("abort", this.#aborted)
    return this.#worker.terminate()
  }

  #fail(error: unknown): void {
    this.#waiting?.reject(error)
  }
}

function errorOf(told: {
  code: StorageErrorCode
  message: string
  facts: ErrorFacts
  hint: string | undefined
}): StorageError {
  const { code, message, facts, hint } = told
  return new StorageError(code, message, { facts, ...(hint === undefined ? {} : { hint }) })
}
