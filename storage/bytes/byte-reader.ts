import { StorageError } from "../errors.js"

/** Reads untrusted bytes front to back. Bounds are checked here, and only here. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #what: string
  #position: number

  /** `what` names the bytes in errors: the file, and where in it. */
  constructor(bytes: Uint8Array, what: string, position = 0) {
    this.#bytes = bytes
    // A Buffer is often a window into a larger pool, so the offset matters.
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
    this.#position = 0
    this.seek(position, "start")
  }

  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#bytes.length - this.#position
  }

  seek(position: number, field: string): void {
    if (!Number.isSafeInteger(position) || position < 0 || position > this.#bytes.length) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: ${field} points to byte ${position} of ${this.#bytes.length}`,
      )
    }
    this.#position = position
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(1, field))
  }

  u16be(field: string): number {
    return this.#view.getUint16(this.#advance(2, field))
  }

  u24be(field: string): number {
    const at = this.#advance(3, field)
    return this.#view.getUint16(at) * 0x100 + this.#view.getUint8(at + 2)
  }

  u32be(field: string): number {
    return this.#view.getUint32(this.#advance(4, field))
  }

  u48be(field: string): number {
    const at = this.#advance(6, field)
    return this.#view.getUint16(at) * 0x1_0000_0000 + this.#view.getUint32(at + 2)
  }

  u16le(field: string): number {
    return this.#view.getUint16(this.#advance(2, field), true)
  }

  u24le(field: string): number {
    const at = this.#advance(3, field)
    return this.#view.getUint16(at, true) + this.#view.getUint8(at + 2) * 0x1_0000
  }

  u32le(field: string): number {
    return this.#view.getUint32(this.#advance(4, field), true)
  }

  /** LEB128, at most 32 bits of value. */
  uvarint(field: string): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8(field)
      value += (byte % 128) * 2 ** shift
      if (byte < 128) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    throw new StorageError("corrupt", `${this.#what}: ${field} is a number of more than 32 bits`)
  }

  /** A view, not a copy. */
  bytes(length: number, field: string): Uint8Array {
    const at = this.#advance(length, field)
    return this.#bytes.subarray(at, at + length)
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining, "rest")
  }

  /** For a table of `count` records: refuses a count that the remaining bytes cannot hold, before anything is allocated. */
  expectRecords(count: number, recordLength: number, field: string): void {
    if (count * recordLength > this.remaining) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: ${field} says ${count} records of ${recordLength} bytes, only ${this.remaining} bytes left`,
      )
    }
  }

  expectEnd(): void {
    if (this.remaining !== 0) {
      throw new StorageError("corrupt", `${this.#what}: ${this.remaining} unexpected bytes at the end`)
    }
  }

  #advance(length: number, field: string): number {
    if (!(length >= 0 && length <= this.remaining)) {
      throw new StorageError(
        "corrupt",
        `${this.#what}: ${field} needs ${length} bytes at offset ${this.#position}, only ${this.remaining} left`,
      )
    }
    const at = this.#position
    this.#position += length
    return at
  }
}
