import { createCipheriv, createHash } from "node:crypto"

/** Bytes that look random and are the same for the same seed, so that a synthetic repository can be made again. */
export class SeededBytes {
  readonly #stream

  constructor(seed: string) {
    const key = createHash("sha256").update(seed).digest()
    this.#stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16))
  }

  bytes(length: number): Buffer {
    return this.#stream.update(Buffer.alloc(length))
  }

  hex(length: number): string {
    return this.bytes(length).toString("hex")
  }

  /** A whole number from 0 up to and without `limit`. */
  below(limit: number): number {
    return this.bytes(4).readUInt32BE() % limit
  }
}
