import { scrypt } from "node:crypto"
import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import type { Secret } from "../secret.js"
import { naming } from "./hash-named.js"
import { openSealed, type SealKey } from "./sealed.js"

export const LONGEST_KEY_FILE = 64 * 1024

const DERIVED_LENGTH = 64
const SALT_LENGTH = 64
// A key file can be written by anybody who can write here, and the cost is paid before the password is proven. restic
// stays below 60 MiB and half a second of its machine; these allow four times the memory and about ten seconds.
const MOST_MEMORY = 256 * 1024 * 1024
const MOST_WORK = 2 ** 25

/** One of the repository's key files (restic-repository-format §3): the master key, sealed by a password. */
export interface KeyFile {
  /** The file's name, SHA-256 of its bytes. */
  readonly id: string
  readonly cost: { readonly n: number; readonly r: number; readonly p: number }
  readonly salt: Uint8Array
  readonly sealedMasterKey: Uint8Array
}

/** Throws `corrupt` for what is no key file and `unsupported` for a cost or an algorithm beyond ours. */
export function parseKeyFile(bytes: Uint8Array, id: string): KeyFile {
  const file = `keys/${id}`
  return naming(file, () => {
    const fields = new JsonFields(parseJson(bytes, file), file)
    const kdf = fields.string("kdf")
    if (kdf !== "scrypt") {
      throw new StorageError("unsupported", `${file}: a key derivation other than scrypt`, {
        facts: { file },
      })
    }
    const cost = { n: fields.number("N"), r: fields.number("r"), p: fields.number("p") }
    checkCost(cost, file)
    const salt = fields.base64("salt")
    if (salt.length !== SALT_LENGTH) {
      throw new StorageError("corrupt", `${file}: a salt of ${salt.length} bytes`, { facts: { file } })
    }
    return { id, cost, salt, sealedMasterKey: fields.base64("data") }
  })
}

function checkCost({ n, r, p }: KeyFile["cost"], file: string): void {
  const whole = [n, r, p].every((value) => Number.isSafeInteger(value) && value > 0)
  if (!whole || n < 2 || !Number.isInteger(Math.log2(n))) {
    throw new StorageError("corrupt", `${file}: no scrypt cost is N=${n}, r=${r}, p=${p}`, {
      facts: { file },
    })
  }
  if (128 * n * r > MOST_MEMORY || 128 * r * p > MOST_MEMORY || n * r * p > MOST_WORK) {
    throw new StorageError(
      "unsupported",
      `${file}: the scrypt cost N=${n}, r=${r}, p=${p} is beyond our limit`,
      {
        facts: { file, n, r, p },
      },
    )
  }
}

/** The 64 bytes that scrypt makes of the password, used verbatim: up to seconds of CPU on a thread of its own. */
export function deriveKey(keyFile: KeyFile, password: Secret): Promise<Uint8Array> {
  const { n, r, p } = keyFile.cost
  // Node's default refuses what restic uses every day.
  const maxmem = 256 * n * r + 256 * r * p + 1024 * 1024
  return new Promise((resolve, reject) => {
    scrypt(password.reveal(), keyFile.salt, DERIVED_LENGTH, { N: n, r, p, maxmem }, (error, derived) => {
      if (error === null) resolve(derived)
      else reject(error)
    })
  })
}

/** The repository's master key, or undefined when this derived key is not the one it was sealed with. */
export function openKeyFile(keyFile: KeyFile, derived: Uint8Array): SealKey | undefined {
  if (derived.length !== DERIVED_LENGTH) return undefined
  const userKey = { encrypt: derived.subarray(0, 32), k: derived.subarray(32, 48), r: derived.subarray(48) }
  const plaintext = openSealed(userKey, keyFile.sealedMasterKey)
  return plaintext === undefined ? undefined : parseMasterKey(plaintext, `keys/${keyFile.id}`)
}

function parseMasterKey(plaintext: Uint8Array, file: string): SealKey {
  return naming(file, () => {
    const fields = new JsonFields(parseJson(plaintext, file), file)
    const mac = fields.object("mac")
    const key = { encrypt: fields.base64("encrypt"), k: mac.base64("k"), r: mac.base64("r") }
    const lengthsFit = key.encrypt.length === 32 && key.k.length === 16 && key.r.length === 16
    const allZero = Object.values(key).some((part) => part.every((byte) => byte === 0))
    if (!lengthsFit || allZero) {
      throw new StorageError("corrupt", `${file}: the master key in it is not one`, { facts: { file } })
    }
    return key
  })
}
