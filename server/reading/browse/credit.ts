/** So many bytes may be under way to whoever takes them, of each stream; a piece that begins within it may go beyond. */
export const WINDOW = 1024 * 1024

/** The largest piece that crosses. */
export const MOST_PIECE = 256 * 1024

/** How much more a sender may send: given by the receiver as it takes. */
export class Credit {
  #left: number
  #wake: (() => void) | undefined

  constructor(start = WINDOW) {
    this.#left = start
  }

  give(bytes: number): void {
    this.#left += bytes
    if (this.#left > 0) this.wake()
  }

  /** Lets a waiting sender go on to see that it is over. */
  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** Takes credit for a piece; waits until there is any, or the signal's abort, which it throws. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.#left <= 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    signal.throwIfAborted()
    this.#left -= bytes
  }
}
