const STOP = 0
const PAUSED = 1
/** KiB that may be read before the next refill; below zero, readers wait. */
const ALLOWANCE = 2
const LIMITED = 3
const WORDS = 4

/** What the readers of a scrub share with the one who leads them: whether to go on, how fast, and how much was read. */
export interface ControlMemory {
  readonly words: SharedArrayBuffer
  readonly bytesRead: SharedArrayBuffer
}

/** The longest that a reader sleeps between two looks: less than a second even where a wake-up is lost. */
const LONGEST_SLEEP_MS = 200

/** The reader's side. All of it works from any thread. */
export class ReaderControl {
  readonly #words: Int32Array
  readonly #bytesRead: BigInt64Array

  constructor(memory: ControlMemory) {
    this.#words = new Int32Array(memory.words)
    this.#bytesRead = new BigInt64Array(memory.bytesRead)
  }

  /** Waits until `bytes` more may be read. False: everything is to stop. Blocks the thread. */
  mayRead(bytes: number): boolean {
    const kibibytes = Math.max(1, Math.round(bytes / 1024))
    for (;;) {
      if (Atomics.load(this.#words, STOP) === 1) return false
      if (Atomics.load(this.#words, PAUSED) === 1) Atomics.wait(this.#words, PAUSED, 1, LONGEST_SLEEP_MS)
      else if (Atomics.load(this.#words, LIMITED) === 0) return true
      else {
        const left = Atomics.load(this.#words, ALLOWANCE)
        // Whoever finds something left takes all that it needs: reads are as large as they are, the debt is waited for.
        if (left > 0) {
          Atomics.sub(this.#words, ALLOWANCE, kibibytes)
          return true
        }
        Atomics.wait(this.#words, ALLOWANCE, left, LONGEST_SLEEP_MS)
      }
    }
  }

  didRead(bytes: number): void {
    Atomics.add(this.#bytesRead, 0, BigInt(bytes))
  }
}

/** The leader's side. */
export class LeaderControl {
  readonly memory: ControlMemory = {
    words: new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT),
    bytesRead: new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT),
  }
  readonly #words = new Int32Array(this.memory.words)
  readonly #bytesRead = new BigInt64Array(this.memory.bytesRead)
  readonly #kibibytesPerMs: number | undefined
  #refilled: number

  /** `limit` in bytes per second; `now` in milliseconds. */
  constructor(limit: number | undefined, now: number) {
    this.#kibibytesPerMs = limit === undefined ? undefined : limit / 1024 / 1000
    this.#refilled = now
    if (limit !== undefined) Atomics.store(this.#words, LIMITED, 1)
  }

  get bytesRead(): number {
    return Number(Atomics.load(this.#bytesRead, 0))
  }

  /** Gives what the time since the last call allows, at most half a second's worth at once. To be called some times a second. */
  refill(now: number): void {
    if (this.#kibibytesPerMs === undefined) return
    const earned = Math.floor((now - this.#refilled) * this.#kibibytesPerMs)
    if (earned <= 0) return
    this.#refilled += earned / this.#kibibytesPerMs
    const most = Math.max(1, Math.floor(500 * this.#kibibytesPerMs))
    const held = Atomics.load(this.#words, ALLOWANCE)
    Atomics.add(this.#words, ALLOWANCE, Math.min(earned, Math.max(0, most - held)))
    Atomics.notify(this.#words, ALLOWANCE)
  }

  get stopped(): boolean {
    return Atomics.load(this.#words, STOP) === 1
  }

  pause(paused: boolean): void {
    Atomics.store(this.#words, PAUSED, paused ? 1 : 0)
    Atomics.notify(this.#words, PAUSED)
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1)
    Atomics.notify(this.#words, PAUSED)
    Atomics.notify(this.#words, ALLOWANCE)
  }
}
