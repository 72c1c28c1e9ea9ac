import { StorageError } from "../errors.js"

/** Where the decoders of the LZ77 family write: bytes of their own, and copies of what lies some way back. */
export class LzOutput {
  readonly #bytes: Uint8Array
  readonly #what: string
  #length = 0
  #floor = 0

  /** Allocates `capacity` bytes now and never more: the caller compares it with its limit first. */
  constructor(capacity: number, what: string) {
    this.#bytes = new Uint8Array(capacity)
    this.#what = what
  }

  get length(): number {
    return this.#length
  }

  /** From here on, copies reach no further back than this place. */
  raiseFloor(): void {
    this.#floor = this.#length
  }

  append(bytes: Uint8Array): void {
    this.#expectRoom(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** `distance` counts back from the end; a `length` beyond it repeats what was just copied. */
  copy(distance: number, length: number): void {
    if (distance < 1 || distance > this.#length - this.#floor) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: a copy from ${distance} bytes back, only ${this.#length - this.#floor} are there`,
      )
    }
    this.#expectRoom(length)
    const end = this.#length + length
    while (this.#length < end) {
      // What was copied is itself a source for the rest, so each round can double the step.
      const from = this.#length - distance
      const step = Math.min(distance, end - this.#length)
      this.#bytes.copyWithin(this.#length, from, from + step)
      this.#length += step
    }
  }

  /** What was written since byte `start`, a view. */
  bytes(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.#length)
  }

  #expectRoom(length: number): void {
    if (length > this.#bytes.length - this.#length) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: decompresses to more than ${this.#bytes.length} bytes`,
      )
    }
  }
}
