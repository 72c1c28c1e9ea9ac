import { StorageError } from "../../storage/index.js"
import type { Clock } from "../catalog/index.js"
import { soon } from "./soon.js"

/** What was told last. */
export interface Latest<T> {
  /** Undefined: nothing was told yet. */
  readonly told: { readonly value: T; readonly at: number } | undefined
  /** Why there is nothing newer. */
  readonly problem: StorageError | undefined
}

export interface OccasionalParts<T> {
  readonly clock: Clock
  /** Throws StorageError. */
  readonly ask: () => Promise<T>
  /** Milliseconds between two times, whatever came of the first. */
  readonly everyMs: number
}

/** What is dear to ask: by one at a time, not often, and nobody waits long for it. */
export class Occasional<T> {
  readonly #parts: OccasionalParts<T>
  #asking: Promise<void> | undefined
  #askedAt: number | undefined
  #told: Latest<T>["told"]
  #problem: StorageError | undefined

  constructor(parts: OccasionalParts<T>) {
    this.#parts = parts
  }

  /** What is known within a moment; what is asked for meanwhile is there the next time. */
  async latest(): Promise<Latest<T>> {
    const { clock, everyMs } = this.#parts
    const now = clock.now().mono
    if (this.#asking === undefined && (this.#askedAt === undefined || now - this.#askedAt >= everyMs)) {
      this.#askedAt = now
      this.#asking = this.#ask().finally(() => {
        this.#asking = undefined
      })
    }
    const work = this.#asking
    const isOver = work === undefined || (await soon(work.then(() => true))) === true
    return { told: this.#told, problem: isOver ? this.#problem : pending() }
  }

  async #ask(): Promise<void> {
    const at = this.#parts.clock.now().wall
    try {
      this.#told = { value: await this.#parts.ask(), at }
      this.#problem = undefined
    } catch (error) {
      this.#problem = error instanceof StorageError ? error : failed(error)
      // It was not really asked: something else came first.
      if (this.#problem.code === "unstable") this.#askedAt = undefined
    }
  }
}

function pending(): StorageError {
  return new StorageError("timeout", "it has not answered yet, and is waited for", {
    hint: "Look again in a moment.",
  })
}

/** Our own mistake: the rest is shown all the same. */
function failed(cause: unknown): StorageError {
  return new StorageError(
    "io",
    `it could not be asked: ${cause instanceof Error ? cause.message : "unknown"}`,
    {
      hint: "Report this with the daemon's log.",
      cause,
    },
  )
}
