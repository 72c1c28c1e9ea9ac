import { pbkdf2, scrypt } from "node:crypto"
import { promisify } from "node:util"
import { StorageError } from "../errors.js"
import type { KeyMemory } from "../repository.js"
import type { Secret } from "../secret.js"
import { decryptFormatBlob, type FormatBlob } from "./format-blob.js"

const KEY_LENGTH = 32

const stretchers: Readonly<Record<string, (password: string, salt: Uint8Array) => Promise<Uint8Array>>> = {
  "scrypt-65536-8-1": (password, salt) =>
    new Promise((resolve, reject) => {
      // Needs 64 MiB; Node allows 32 unless told.
      const cost = { N: 65_536, r: 8, p: 1, maxmem: 96 * 1024 * 1024 }
      scrypt(password, salt, KEY_LENGTH, cost, (error, key) => {
        if (error === null) resolve(key)
        else reject(error)
      })
    }),
  "pbkdf2-sha256-600000": (password, salt) =>
    promisify(pbkdf2)(password, salt, 600_000, KEY_LENGTH, "sha256"),
}

/** Stretches a password into the format encryption key (kopia-repository-format §4.1); takes a fifth of a second. */
export async function deriveFormatKey(
  keyAlgorithm: string,
  password: Secret,
  uniqueId: Uint8Array,
  file: string,
): Promise<Uint8Array> {
  const stretch = Object.hasOwn(stretchers, keyAlgorithm) ? stretchers[keyAlgorithm] : undefined
  if (stretch === undefined) {
    throw new StorageError(
      "unsupported",
      `${file}: its key derivation is ${JSON.stringify(keyAlgorithm.slice(0, 64))}`,
      {
        facts: { file, keyAlgorithm },
      },
    )
  }
  return stretch(trimmed(password.reveal()), uniqueId)
}

/** Decrypts the format block, with a remembered key where that one fits. Throws `wrong_password`. */
export async function unlockFormat(
  blob: FormatBlob,
  password: Secret,
  file: string,
  keys: KeyMemory | undefined,
): Promise<Uint8Array> {
  const label = `kopia:${Buffer.from(blob.uniqueId).toString("hex")}:${blob.keyAlgorithm}`
  const remembered = await keys?.recall(label, password)
  if (remembered?.length === KEY_LENGTH) {
    const plain = decryptFormatBlob(blob, remembered)
    if (plain !== undefined) return plain
  }
  const key = await deriveFormatKey(blob.keyAlgorithm, password, blob.uniqueId, file)
  const plain = decryptFormatBlob(blob, key)
  if (plain === undefined) {
    throw new StorageError("wrong_password", `${file}: the password does not open it`, {
      facts: { file },
      hint: "Check the password. A damaged kopia.repository looks the same: if the password is certain, compare the file with a copy.",
    })
  }
  await keys?.remember(label, password, key)
  return plain
}

/** The engine's command line trims what Go calls white space, so movers do as well. */
function trimmed(password: string): string {
  return password.replace(/^[\t\n\v\f\r\u0085\p{Z}]+|[\t\n\v\f\r\u0085\p{Z}]+$/gu, "")
}
