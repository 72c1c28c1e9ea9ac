import { createDecipheriv, createHmac, hkdfSync } from "node:crypto"
import { StorageError } from "../errors.js"

const NONCE = 12
const TAG = 16

/** What the cipher adds to every content: nonce and tag. */
export const CIPHER_OVERHEAD = NONCE + TAG

const ciphers = {
  "AES256-GCM-HMAC-SHA256": "aes-256-gcm",
  "CHACHA20-POLY1305-HMAC-SHA256": "chacha20-poly1305",
} as const

/** Opens stored bytes under their initialisation vector. `what` names them in errors. */
export type ContentCipher = (iv: Uint8Array, stored: Uint8Array, what: string) => Uint8Array

/**
 * The cipher of contents and of whole metadata blobs (kopia-repository-format §5, §6.3). The vector is both the input of
 * the key's HMAC and the authenticated data, so bytes open under their own name and no other. Throws `unsupported` by name
 * for what only programs before 0.9 wrote.
 */
export function createContentCipher(encryption: string, masterKey: Uint8Array): ContentCipher {
  if (!isKnownCipher(encryption)) {
    throw new StorageError(
      "unsupported",
      `the repository's encryption is ${JSON.stringify(encryption.slice(0, 64))}`,
      {
        facts: { encryption },
        hint: "No current Kopia opens it either; it was written by one before 0.9.",
      },
    )
  }
  // The purpose is given as the salt, not as the info; unusual, and the format's for ever.
  const secret = Buffer.from(hkdfSync("sha256", masterKey, "encryption", "", 32))
  return (iv, stored, what) => {
    if (stored.length < CIPHER_OVERHEAD) throw undecipherable(what, stored.length)
    const key = createHmac("sha256", secret).update(iv).digest()
    const decipher = decipherFor(ciphers[encryption], key, stored.subarray(0, NONCE))
    decipher.setAAD(iv, { plaintextLength: stored.length - CIPHER_OVERHEAD })
    decipher.setAuthTag(stored.subarray(-TAG))
    try {
      const plain = decipher.update(stored.subarray(NONCE, -TAG))
      decipher.final()
      return plain
    } catch {
      throw undecipherable(what, stored.length)
    }
  }
}

/** The vector of a whole metadata blob: the last 16 bytes of the hash in its name. `corrupt` for a name without one. */
export function blobIv(id: string, file: string): Uint8Array {
  const dash = id.indexOf("-")
  const hash = id.slice(0, dash < 0 ? undefined : dash).slice(-32)
  if (!/^[0-9a-f]{32}$/.test(hash)) {
    throw new StorageError("corrupt", `${file}: the name holds no hash`, { facts: { file } })
  }
  return Buffer.from(hash, "hex")
}

/** The vector of a content: the last 16 bytes of its hash. `corrupt` for an id that is shorter. */
export function contentIv(contentId: string, what: string): Uint8Array {
  const hash = contentId.slice(-32)
  if (!/^[0-9a-f]{32}$/.test(hash)) {
    throw new StorageError("corrupt", `${what}: ${JSON.stringify(contentId.slice(0, 80))} is no content id`)
  }
  return Buffer.from(hash, "hex")
}

function isKnownCipher(name: string): name is keyof typeof ciphers {
  return Object.hasOwn(ciphers, name)
}

function decipherFor(cipher: "aes-256-gcm" | "chacha20-poly1305", key: Uint8Array, nonce: Uint8Array) {
  return cipher === "aes-256-gcm"
    ? createDecipheriv(cipher, key, nonce, { authTagLength: TAG })
    : createDecipheriv(cipher, key, nonce, { authTagLength: TAG })
}

function undecipherable(what: string, length: number): StorageError {
  return new StorageError("corrupt", `${what}: ${length} bytes that do not decrypt`, {
    facts: { file: what, length },
    hint: "The file is damaged or not yet whole; restore it from a copy of the repository.",
  })
}
