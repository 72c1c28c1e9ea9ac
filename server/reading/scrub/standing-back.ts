import type { JobContext } from "../../jobs/kind.js"

/** So long an answer may take before it counts as no. */
const PROMPT_MS = 150

/** Asks a run's context again and again whether to stand back, for work that cannot wait for an answer itself. */
export class StandingBack {
  readonly #context: Pick<JobContext, "standBack">
  #askedAt: number | undefined

  constructor(context: Pick<JobContext, "standBack">) {
    this.#context = context
  }

  /** To be called some times a second. */
  get isWanted(): boolean {
    if (this.#askedAt === undefined) {
      this.#askedAt = performance.now()
      // One that was told to end hears so from its signal.
      void this.#context
        .standBack()
        .catch(() => undefined)
        .finally(() => {
          this.#askedAt = undefined
        })
      return false
    }
    return performance.now() - this.#askedAt > PROMPT_MS
  }
}
