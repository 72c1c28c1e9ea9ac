import { createHmac, hkdfSync, randomBytes } from "node:crypto"
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js"
import { SecretError } from "./errors.js"

// A sealed value:
//
//    0       1, the version
//    1..24   nonce, random: 24 bytes are enough to never draw one twice
//   25..     XChaCha20-Poly1305 of the value, tag last; the name it is kept under is authenticated with it, so that no
//            value can be moved to another name
const VERSION = 1
const NONCE_LENGTH = 24
const HEADER_LENGTH = 1 + NONCE_LENGTH

/** Seals and unseals under the key of the key file. One subkey for each use. */
export class Sealer {
  readonly #sealing: Uint8Array
  readonly #naming: Uint8Array

  constructor(key: Uint8Array) {
    this.#sealing = subkey(key, "cistern seal v1")
    this.#naming = subkey(key, "cistern stretched key names v1")
  }

  seal(name: string, value: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE_LENGTH)
    const sealed = xchacha20poly1305(this.#sealing, nonce, Buffer.from(name)).encrypt(value)
    return Buffer.concat([Uint8Array.of(VERSION), nonce, sealed])
  }

  /** Throws SecretError `damaged` for anything that this key did not seal under this name. */
  unseal(name: string, sealed: Uint8Array): Uint8Array {
    try {
      if (sealed[0] !== VERSION) throw new RangeError("another version")
      const nonce = sealed.subarray(1, HEADER_LENGTH)
      return xchacha20poly1305(this.#sealing, nonce, Buffer.from(name)).decrypt(
        sealed.subarray(HEADER_LENGTH),
      )
    } catch {
      // The cause says nothing more, and nothing of the bytes may travel with an error.
      throw new SecretError(
        "damaged",
        `what is sealed under ${name} cannot be opened: it was changed, or sealed with another key file`,
        "Apply the document with this secret's value again.",
      )
    }
  }

  /** A name that nobody can compute without the key file and all the parts. */
  nameOf(...parts: readonly string[]): string {
    const hmac = createHmac("sha256", this.#naming)
    for (const part of parts) {
      const bytes = Buffer.from(part)
      // With lengths, so that "a" + "bc" is not "ab" + "c".
      hmac.update(`${bytes.length}:`).update(bytes)
    }
    return hmac.digest("hex")
  }
}

function subkey(key: Uint8Array, use: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, new Uint8Array(), use, 32))
}
