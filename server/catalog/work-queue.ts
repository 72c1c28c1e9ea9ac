/** Something to be done. It may become urgent while it waits. */
export interface Turn {
  readonly urgent: boolean
}

/**
 * Runs at most `width` pieces of work at once, urgent ones first: after a start, what somebody asks for comes before what
 * nobody has asked for yet.
 */
export class WorkQueue {
  readonly #width: number
  readonly #waiting: { readonly turn: Turn; readonly start: () => void }[] = []
  #running = 0

  constructor(width: number) {
    this.#width = width
  }

  async run<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running++
    else await new Promise<void>((start) => this.#waiting.push({ turn, start }))
    try {
      return await work()
    } finally {
      // A waiting piece takes over this one's slot, so that nothing can slip in between.
      const urgent = this.#waiting.findIndex((waiting) => waiting.turn.urgent)
      const [next] = this.#waiting.splice(Math.max(urgent, 0), 1)
      if (next === undefined) this.#running--
      else next.start()
    }
  }
}
