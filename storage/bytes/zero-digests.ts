import { StorageError } from "../errors.js"

/** A hash that is fed piece by piece, and can go back to where it was. One message at a time. */
export interface RunningHash {
  /** Begins a message. */
  init(): void
  update(bytes: Uint8Array): void
  /** Ends the message. */
  digest(): Uint8Array
  /** What brings the hash back to this point of the message; works any number of times. */
  save(): () => void
}

const STEP = 16 * 1024
/** More than any splitter cuts. */
const LONGEST = 64 * 1024 * 1024
const MOST_KNOWN = 4096

/**
 * What so and so many zero bytes hash to, in hex. A tree has files of every size: the hash of a size goes on from the state after
 * the last full 16 KiB before it, so that each costs one step and not all of its bytes.
 */
export class ZeroDigests {
  readonly #hash: RunningHash
  readonly #zeros = new Uint8Array(STEP)
  /** After no step, one step, two steps … */
  readonly #marks: (() => void)[] = []
  readonly #known = new Map<number, string>()

  constructor(hash: RunningHash) {
    this.#hash = hash
    hash.init()
    this.#marks.push(hash.save())
  }

  /** Throws StorageError `unsupported` for a length that no writer's splitter makes. */
  hex(length: number): string {
    const known = this.#known.get(length)
    if (known !== undefined) return known
    if (!Number.isSafeInteger(length) || length < 0 || length > LONGEST) {
      throw new StorageError("unsupported", `a content of ${length} bytes: no splitter cuts such`)
    }
    this.#goTo(Math.floor(length / STEP))
    this.#hash.update(this.#zeros.subarray(0, length % STEP))
    const hex = Buffer.from(this.#hash.digest()).toString("hex")
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(length, hex)
    return hex
  }

  #goTo(step: number): void {
    this.#marks[Math.min(step, this.#marks.length - 1)]?.()
    while (this.#marks.length <= step) {
      this.#hash.update(this.#zeros)
      this.#marks.push(this.#hash.save())
    }
  }
}

/** Whether there are only zero bytes. */
export function onlyZeros(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}
