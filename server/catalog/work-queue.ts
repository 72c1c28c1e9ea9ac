/**
 * Runs at most `width` pieces of work at once, urgent ones first: after a start, what somebody asks for comes before what
 * nobody has asked for yet.
 */
export class WorkQueue {
  readonly #width: number
  readonly #urgent: (() => void)[] = []
  readonly #patient: (() => void)[] = []
  #running = 0

  constructor(width: number) {
    this.#width = width
  }

  async run<T>(urgent: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running++
    else await new Promise<void>((resolve) => (urgent ? this.#urgent : this.#patient).push(resolve))
    try {
      return await work()
    } finally {
      // A waiting piece takes over this one's slot, so that nothing can slip in between.
      const next = this.#urgent.shift() ?? this.#patient.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
