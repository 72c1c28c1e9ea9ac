import { StorageError } from "../errors.js"

const FIRST_ALLOCATION = 256 * 1024

/** Where the decoders of the LZ77 family write: bytes of their own, and copies of what lies some way back. */
export class LzOutput {
  readonly #limit: number
  readonly #what: string
  #bytes: Uint8Array
  #length = 0
  #floor = 0

  /** Never holds more than `limit` bytes, and allocates in step with what is written. `what` names the input in errors. */
  constructor(limit: number, what: string) {
    this.#limit = limit
    this.#what = what
    this.#bytes = new Uint8Array(Math.min(limit, FIRST_ALLOCATION))
  }

  get length(): number {
    return this.#length
  }

  /** From here on, copies reach no further back than this place. */
  raiseFloor(): void {
    this.#floor = this.#length
  }

  append(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  appendRun(byte: number, length: number): void {
    this.#makeRoom(length)
    this.#bytes.fill(byte, this.#length, this.#length + length)
    this.#length += length
  }

  /** `distance` counts back from the end; a `length` beyond it repeats what was just copied. */
  copy(distance: number, length: number): void {
    if (distance < 1 || distance > this.#length - this.#floor) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: a copy from ${distance} bytes back, only ${this.#length - this.#floor} are there`,
        { facts: { file: this.#what } },
      )
    }
    this.#makeRoom(length)
    const from = this.#length - distance
    const end = this.#length + length
    while (this.#length < end) {
      // What was copied is itself a source for the rest, so each round can double the step.
      const step = Math.min(this.#length - from, end - this.#length)
      this.#bytes.copyWithin(this.#length, from, from + step)
      this.#length += step
    }
  }

  /** What was written since byte `start`, a view. */
  bytes(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.#length)
  }

  #makeRoom(length: number): void {
    const needed = this.#length + length
    if (needed <= this.#bytes.length) return
    if (needed > this.#limit) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: decompresses to more than the ${this.#limit} bytes it may have`,
        { facts: { file: this.#what, limit: this.#limit } },
      )
    }
    const larger = new Uint8Array(Math.min(this.#limit, Math.max(needed, 2 * this.#bytes.length)))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
