import { setTimeout as delay } from "node:timers/promises"

/** Holds a reader back to a number of bytes in a second. */
export class Pace {
  readonly #perSecond: number
  #free = 0

  constructor(bytesPerSecond: number) {
    this.#perSecond = bytesPerSecond
  }

  /** Waits until as many bytes may have been read. Throws the signal's reason. */
  async after(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const now = performance.now()
    this.#free = Math.max(this.#free, now) + (bytes / this.#perSecond) * 1000
    if (this.#free > now) await delay(this.#free - now, undefined, signal === undefined ? {} : { signal })
  }
}
