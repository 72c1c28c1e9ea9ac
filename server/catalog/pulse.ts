import type { Moment } from "./clock.js"

/** A call into a filesystem that has not come back for so long is taken for one that never will. Disks wake up sooner. */
export const HANG_MS = 10_000
const BEAT_MS = 1_000

/**
 * When the reading thread of a store began the file call that it is in. It lies in memory that both threads see, because a
 * thread that hangs in a call answers no question. Many calls that each come back are work, however long it takes.
 */
export class Pulse {
  readonly memory: SharedArrayBuffer
  /** Nanoseconds of the monotonic clock; 0: in no call. */
  readonly #begun: BigInt64Array
  /** How many pieces of work are under way that tell that the thread is not stuck. */
  #beating = 0

  constructor(memory = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#begun = new BigInt64Array(memory)
  }

  /** Runs one synchronous call into the store's filesystem, or a few. Within it, an inner one that comes back is progress. */
  readonly during = <T>(call: () => T): T => {
    const isInner = Atomics.load(this.#begun, 0) !== 0n
    Atomics.store(this.#begun, 0, process.hrtime.bigint())
    try {
      return call()
    } finally {
      Atomics.store(this.#begun, 0, isInner ? process.hrtime.bigint() : 0n)
    }
  }

  /**
   * Runs work that waits in between, with calls into the store's filesystem of its own. The thread tells every second that it is not
   * stuck in one of them.
   */
  readonly throughout = async <T>(work: () => Promise<T>): Promise<T> => {
    const beat = (): void => {
      Atomics.store(this.#begun, 0, process.hrtime.bigint())
    }
    beat()
    this.#beating++
    const timer = setInterval(beat, BEAT_MS)
    try {
      return await work()
    } finally {
      clearInterval(timer)
      this.#beating--
      if (this.#beating === 0) Atomics.store(this.#begun, 0, 0n)
    }
  }

  /** Milliseconds of the monotonic clock at which the call began that has not come back; undefined: in none. */
  get since(): number | undefined {
    const begun = Atomics.load(this.#begun, 0)
    return begun === 0n ? undefined : Number(begun / 1_000n) / 1_000
  }
}

/** A store whose filesystem does not answer. */
export interface Hang {
  /** Unix milliseconds at which the call began that nobody answers. */
  readonly since: number
  readonly message: string
  readonly hint: string
}

/** Whether the thread of a store hangs now. */
export function hangOf(store: string, pulse: Pick<Pulse, "since">, now: Moment): Hang | undefined {
  const { since } = pulse
  if (since === undefined || now.mono - since < HANG_MS) return undefined
  const begun = Math.round(now.wall - (now.mono - since))
  return {
    since: begun,
    message: `The filesystem of ${store} has not answered since ${new Date(begun).toISOString().slice(0, 19)}Z.`,
    hint: "Look at the disk, or at the server of the mount and the network to it; unmounting it by force (`umount -f`, then `-l`) lets go of what waits.",
  }
}
