/** How much the last seconds count against those before: after this long, an old rate weighs a third. */
const MEMORY_MS = 10_000

/** The rate of the last seconds, smooth enough to be read and quick enough to follow a disk that slows down. */
export class RecentRate {
  #time: number
  #done = 0
  #rate: number | undefined

  /** `time` in milliseconds, like all here. */
  constructor(time: number) {
    this.#time = time
  }

  /** `done` is how much is done in all. */
  add(done: number, time: number): void {
    const passed = time - this.#time
    if (passed <= 0) return
    const rate = (done - this.#done) / passed
    const weight = 1 - Math.exp(-passed / MEMORY_MS)
    this.#rate = this.#rate === undefined ? rate : this.#rate + weight * (rate - this.#rate)
    this.#time = time
    this.#done = done
  }

  /** Undefined before anything was done. */
  get perSecond(): number | undefined {
    return this.#rate === undefined || this.#rate <= 0 ? undefined : this.#rate * 1000
  }
}
