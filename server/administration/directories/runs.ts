import { randomBytes } from "node:crypto"
import { HttpError } from "../../http/index.js"

/** How long a request waits before it is answered with the run instead of the result. */
const PATIENCE_MS = 5_000
/** How long a result waits to be asked for. */
const KEEP_MS = 600_000

interface Run {
  readonly store: string
  readonly result: Promise<unknown>
  readonly files: () => Promise<number | undefined>
}

/** An answer in the making, or made. */
export interface RunReply<Result> {
  readonly run: { readonly id: string; readonly files: number } | null
  readonly result: Result | null
}

/** Work on directories that takes longer than a request may wait. At most one that changes anything is under way in each store. */
export class Runs {
  readonly #runs = new Map<string, Run>()
  readonly #changing = new Set<string>()

  /** Starts work and waits a while for it. `changes`: nothing else may change the store meanwhile: 409 `busy`. */
  async start<Result>(
    store: string,
    changes: boolean,
    work: (run: string) => Promise<Result>,
    files: (run: string) => Promise<number | undefined>,
  ): Promise<RunReply<Result>> {
    const id = randomBytes(8).toString("hex")
    const result = changes ? this.alone(store, () => work(id)) : work(id)
    // Whoever asks for the run is told; nobody may.
    result.catch(() => undefined)
    this.#runs.set(id, { store, result, files: () => files(id) })
    void result
      .finally(() => {
        setTimeout(() => this.#runs.delete(id), KEEP_MS).unref()
      })
      .catch(() => undefined)
    return (await this.reply(id)) as RunReply<Result>
  }

  /** What came of a run so far. Throws what it threw, and HttpError 404 for one that nobody knows. */
  async reply(id: string): Promise<RunReply<unknown>> {
    const run = this.#runs.get(id)
    if (run === undefined) {
      throw new HttpError(404, "not_found", "There is no such run, or it is long over.", {
        hint: "`cistern directories repairs` and `cistern directories quarantine` tell what was done.",
      })
    }
    const waiting = Symbol("waiting")
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<typeof waiting>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, waiting)
    })
    const first = await Promise.race([run.result, limit]).finally(() => {
      clearTimeout(timer)
    })
    if (first !== waiting) return { run: null, result: first }
    return { run: { id, files: (await run.files()) ?? 0 }, result: null }
  }

  /** Work that must be the only one to change a store. Throws HttpError 409 `busy`. */
  async alone<Result>(store: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#changing.has(store)) {
      throw new HttpError(409, "busy", `Directories of store ${store} are being changed already.`, {
        hint: "Try again when that is done.",
      })
    }
    this.#changing.add(store)
    try {
      return await work()
    } finally {
      this.#changing.delete(store)
    }
  }
}
