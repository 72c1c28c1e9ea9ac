import { createCipheriv, createDecipheriv, timingSafeEqual } from "node:crypto"
import { poly1305 } from "@noble/ciphers/_poly1305.js"

// What restic encrypts, it seals (restic-repository-format §2): AES-256-CTR, then Poly1305-AES over the ciphertext alone.
//
//    0..15   nonce: the first counter block, and what the authenticator encrypts
//   16..     ciphertext
//  -16..     tag
const NONCE_LENGTH = 16
const TAG_LENGTH = 16
export const SEAL_LENGTH = NONCE_LENGTH + TAG_LENGTH

/** The two keys of a seal, all lengths checked. */
export interface SealKey {
  /** 32 bytes for AES-256-CTR. */
  readonly encrypt: Uint8Array
  /** 16 bytes: the AES key of Poly1305-AES. */
  readonly k: Uint8Array
  /** 16 bytes: the polynomial key of Poly1305-AES, clamped or not. */
  readonly r: Uint8Array
}

/** The plaintext, or undefined when the bytes are not what the owner of this key sealed. */
export function openSealed(key: SealKey, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < SEAL_LENGTH) return undefined
  const nonce = sealed.subarray(0, NONCE_LENGTH)
  if (nonce.every((byte) => byte === 0)) return undefined
  const ciphertext = sealed.subarray(NONCE_LENGTH, sealed.length - TAG_LENGTH)
  const tag = sealed.subarray(sealed.length - TAG_LENGTH)
  if (!timingSafeEqual(tag, authenticate(key, nonce, ciphertext))) return undefined
  return createDecipheriv("aes-256-ctr", key.encrypt, nonce).update(ciphertext)
}

function authenticate(key: SealKey, nonce: Uint8Array, message: Uint8Array): Uint8Array {
  const aes = createCipheriv("aes-128-ecb", key.k, null).setAutoPadding(false)
  return poly1305(message, Buffer.concat([key.r, aes.update(nonce)]))
}
