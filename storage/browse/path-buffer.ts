const SLASH = 0x2f

/** The path of a walk, as bytes that grow and shrink with it: a tree may be 10,000 levels deep, and no level keeps its own. */
export class PathBuffer {
  #bytes: Uint8Array
  #length: number

  constructor(start: Uint8Array = new Uint8Array()) {
    this.#bytes = new Uint8Array(Math.max(256, start.length))
    this.#bytes.set(start)
    this.#length = start.length
  }

  /** Goes down into a name. Gives what `leave` needs to come back. */
  enter(name: Uint8Array): number {
    const before = this.#length
    const after = before + name.length + (before === 0 ? 0 : 1)
    if (after > this.#bytes.length) {
      const larger = new Uint8Array(after * 2)
      larger.set(this.#bytes.subarray(0, before))
      this.#bytes = larger
    }
    if (before > 0) this.#bytes[before] = SLASH
    this.#bytes.set(name, after - name.length)
    this.#length = after
    return before
  }

  leave(before: number): void {
    this.#length = before
  }

  /** Where it is now: a copy. */
  current(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** Something in the directory where it is. */
  of(name: Uint8Array): Uint8Array {
    const before = this.enter(name)
    const path = this.current()
    this.leave(before)
    return path
  }
}
