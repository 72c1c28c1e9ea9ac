import { Worker } from "node:worker_threads"
import { StorageError } from "../errors.js"
import type { ControlMemory } from "./control.js"
import type { FromReader, ToReader } from "./messages.js"

/** How long a thread may take to end before it is left behind: it hangs in the kernel. */
const CLOSE_MS = 1000

/** A thread that reads files: one request at a time. A hung mount holds it and nobody else. */
export class Reader {
  readonly #worker: Worker
  #waiting: { resolve: (reply: FromReader) => void; reject: (error: Error) => void } | undefined
  #dead: Error | undefined

  constructor(memory: ControlMemory, program: URL = new URL("./scrub-worker.js", import.meta.url)) {
    this.#worker = new Worker(program, { workerData: memory })
    this.#worker.on("message", (reply: FromReader) => {
      this.#take()?.resolve(reply)
    })
    this.#worker.on("error", (error) => {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    })
    this.#worker.on("exit", (code) => {
      this.#end(new Error(`a thread that reads a repository ended with code ${code}`))
    })
  }

  /** Throws StorageError as the thread met it; any other error is the thread's own end. */
  async ask<Kind extends FromReader["kind"]>(
    message: ToReader,
    kind: Kind,
  ): Promise<FromReader & { kind: Kind }> {
    const reply = await new Promise<FromReader>((resolve, reject) => {
      if (this.#dead !== undefined) {
        reject(this.#dead)
        return
      }
      this.#waiting = { resolve, reject }
      this.#worker.postMessage(message)
    })
    if (reply.kind === "failure") {
      const { code, facts, hint } = reply
      throw new StorageError(code, reply.message, { facts, ...(hint === undefined ? {} : { hint }) })
    }
    if (reply.kind !== kind) throw new Error(`a reader answered ${reply.kind} instead of ${kind}`)
    return reply as FromReader & { kind: Kind }
  }

  /** Ends the thread; one that hangs in the kernel is left behind. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS)
    })
    this.#worker.removeAllListeners("exit")
    await Promise.race([this.#worker.terminate(), limit])
    clearTimeout(timer)
    this.#worker.unref()
    this.#end(new Error("the scrub has ended"))
  }

  #take(): { resolve: (reply: FromReader) => void; reject: (error: Error) => void } | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }

  #end(error: Error): void {
    this.#dead ??= error
    this.#take()?.reject(error)
  }
}
