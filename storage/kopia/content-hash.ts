import { createHash, type Hash } from "node:crypto"
import { blake3 as deriveBlake3 } from "@noble/hashes/blake3.js"
import { createBLAKE2b, createBLAKE2s, createBLAKE3, type IHasher } from "hash-wasm"
import type { RunningHash } from "../bytes/index.js"
import { StorageError } from "../errors.js"

type ContentHash = (plaintext: Uint8Array) => Uint8Array
type CreateHash = (secret: Uint8Array) => Promise<RunningHash>

const algorithms: ReadonlyMap<string, CreateHash> = new Map([
  ["BLAKE2B-256", blake2b(32)],
  ["BLAKE2B-256-128", truncated(blake2b(32), 16)],
  ["BLAKE2S-256", blake2s(32)],
  // The one name whose short form is another digest, not a cut one.
  ["BLAKE2S-128", blake2s(16)],
  ["BLAKE3-256", blake3],
  ["BLAKE3-256-128", truncated(blake3, 16)],
  ["HMAC-SHA224", hmac("sha224", 64)],
  ["HMAC-SHA256", hmac("sha256", 64)],
  ["HMAC-SHA256-128", truncated(hmac("sha256", 64), 16)],
  ["HMAC-SHA3-224", hmac("sha3-224", 144)],
  ["HMAC-SHA3-256", hmac("sha3-256", 136)],
])

/**
 * The keyed hash that names contents and index blobs (kopia-repository-format §6.2): `algorithm` and `secret` are the
 * format block's `hash` and `secret`. Throws StorageError `unsupported` for a name that Kopia does not list, `corrupt`
 * for a secret that the algorithm cannot take. The function returned may be called any number of times.
 */
export async function createContentHash(algorithm: string, secret: Uint8Array): Promise<ContentHash> {
  const hash = await createRunningHash(algorithm, secret)
  return (plaintext) => {
    hash.init()
    hash.update(plaintext)
    return hash.digest()
  }
}

/** The same hash, fed piece by piece; fails alike. */
export async function createRunningHash(algorithm: string, secret: Uint8Array): Promise<RunningHash> {
  const create = algorithms.get(algorithm)
  if (create === undefined) {
    throw new StorageError("unsupported", `unknown content hash ${JSON.stringify(algorithm)}`, {
      facts: { algorithm },
    })
  }
  // The function outlives the call, and some libraries keep the caller's buffer, which it may wipe.
  return create(Uint8Array.from(secret))
}

function blake2b(length: number): CreateHash {
  return async (secret) => {
    expectAtMost(64, secret, "BLAKE2b")
    return running(await createBLAKE2b(length * 8, secret))
  }
}

function blake2s(length: number): CreateHash {
  return async (secret) => {
    expectAtMost(32, secret, "BLAKE2s")
    return running(await createBLAKE2s(length * 8, secret))
  }
}

async function blake3(secret: Uint8Array): Promise<RunningHash> {
  return running(await createBLAKE3(256, blake3Key(secret)))
}

function running(hasher: IHasher): RunningHash {
  return {
    init: () => {
      hasher.init()
    },
    update: (bytes) => {
      hasher.update(bytes)
    },
    digest: () => hasher.digest("binary"),
    save: () => {
      const state = hasher.save()
      return () => {
        hasher.load(state)
      }
    },
  }
}

function blake3Key(secret: Uint8Array): Uint8Array {
  if (secret.length >= 32) return secret.subarray(0, 32)
  return deriveBlake3(secret, { context: new TextEncoder().encode("kopia blake3 derived key v1") })
}

/** RFC 2104, of the hash itself: Node's own HMAC cannot go back to where it was. */
function hmac(name: string, blockLength: number): CreateHash {
  return async (secret) => {
    const key = secret.length > blockLength ? createHash(name).update(secret).digest() : secret
    const padded = (pad: number): Hash => {
      const block = new Uint8Array(blockLength).fill(pad)
      key.forEach((byte, at) => (block[at] = byte ^ pad))
      return createHash(name).update(block)
    }
    const [inner, outer] = [padded(0x36), padded(0x5c)]
    let message = inner.copy()
    return {
      init: () => {
        message = inner.copy()
      },
      update: (bytes) => {
        message.update(bytes)
      },
      digest: () => outer.copy().update(message.digest()).digest(),
      save: () => {
        const state = message.copy()
        return () => {
          message = state.copy()
        }
      },
    }
  }
}

function truncated(create: CreateHash, length: number): CreateHash {
  return async (secret) => {
    const hash = await create(secret)
    return { ...hash, digest: () => hash.digest().subarray(0, length) }
  }
}

function expectAtMost(longest: number, secret: Uint8Array, algorithm: string): void {
  if (secret.length > longest) {
    throw new StorageError(
      "corrupt",
      `the hash secret has ${secret.length} bytes, ${algorithm} takes at most ${longest}`,
    )
  }
}
