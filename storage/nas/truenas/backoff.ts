/** TrueNAS' vendor speaks of a ten-minute cool-down at worst. */
const LONGEST_MS = 300_000

/** When to try again what failed: later and later, and not at the moment when every other client does. */
export class Backoff {
  readonly #firstMs: number
  readonly #random: () => number
  #failures = 0
  #notBefore = -Infinity

  /** `firstMs` is the shortest wait after one failure; `random` gives numbers from 0 to 1, without 1. */
  constructor(firstMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs
    this.#random = random
  }

  /** Milliseconds from `now` until the next attempt; 0: at once. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now)
  }

  failed(now: number): void {
    const base = Math.min(LONGEST_MS, this.#firstMs * 2 ** this.#failures)
    this.#failures++
    this.#notBefore = now + base * (1 + this.#random() / 2)
  }

  succeeded(): void {
    this.#failures = 0
    this.#notBefore = -Infinity
  }
}
