/** Lets one piece of work run at a time, in the order of asking. One that fails does not hold up the next. */
export class Queue {
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #aside: (() => Promise<void>)[] = []
  #isBusy = false
  /** Has what runs aside stop. */
  #yield: AbortController | undefined

  run<T>(work: () => Promise<T>): Promise<T> {
    this.#yield?.abort()
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => work().then(resolve, reject))
      this.#next()
    })
  }

  /** When nothing else waits. `work` is to end soon after the signal: it is given as soon as something else comes. */
  runAside<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#aside.push(() => {
        this.#yield = new AbortController()
        return work(this.#yield.signal).then(resolve, reject)
      })
      this.#next()
    })
  }

  #next(): void {
    if (this.#isBusy) return
    const start = this.#waiting.shift() ?? this.#aside.shift()
    if (start === undefined) return
    this.#isBusy = true
    void start().finally(() => {
      this.#isBusy = false
      this.#yield = undefined
      this.#next()
    })
  }
}
