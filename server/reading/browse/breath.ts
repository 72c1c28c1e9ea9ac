import { setImmediate as turn } from "node:timers/promises"

const LONGEST_MS = 20

/**
 * Lets a thread that works through many small pieces hear what it is told meanwhile: file calls here are synchronous, so that promises
 * alone would never let a message in.
 */
export class Breath {
  #last = performance.now()

  async take(): Promise<void> {
    if (performance.now() - this.#last < LONGEST_MS) return
    await turn()
    this.#last = performance.now()
  }
}
