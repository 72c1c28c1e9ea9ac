import { StorageError } from "../errors.js"

/**
 * Reads a Zstandard bit stream, which is written forwards and read backwards: the highest bit set in the last byte marks
 * the end, below it lie the bits that are read first.
 */
export class BackwardBits {
  readonly #bytes: Uint8Array
  /** Bits not yet read. Below 0 after reading more than there were; those beyond are zeros. */
  left: number

  constructor(bytes: Uint8Array, what: string) {
    const last = bytes.at(-1) ?? 0
    if (last === 0) throw new StorageError("corrupt", `${what}: a zstd bit stream without an end`)
    this.#bytes = bytes
    this.left = bytes.length * 8 - 1 - Math.clz32(last << 24)
  }

  /** At most 31 bits. */
  read(count: number): number {
    if (count > 24) return this.read(count - 16) * 0x1_0000 + this.read(16)
    const value = this.peek(count)
    this.left -= count
    return value
  }

  /** The next bits without reading them, at most 24. */
  peek(count: number): number {
    const at = this.left - count
    if (at >= 0) return this.#window(at) & ((1 << count) - 1)
    return this.left <= 0 ? 0 : (this.#window(0) & ((1 << this.left) - 1)) << -at
  }

  #window(bit: number): number {
    const at = bit >> 3
    const bytes = this.#bytes
    const word =
      (bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)
    return word >>> (bit & 7)
  }
}
