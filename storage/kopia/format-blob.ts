import { createDecipheriv, hkdfSync } from "node:crypto"
import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"

/** The readable part of `kopia.repository`. */
export interface FormatBlob {
  /** Random bytes: the repository's identity, and the salt of everything. */
  readonly uniqueId: Uint8Array
  /** How the password becomes a key, by the engine's name for it. */
  readonly keyAlgorithm: string
  readonly ciphertext: Uint8Array
}

const NONCE = 12
const TAG = 16

/** Parses `kopia.repository` (kopia-repository-format §4). `file` names it in errors. */
export function parseFormatBlob(bytes: Uint8Array, file: string): FormatBlob {
  const fields = new JsonFields(parseJson(bytes, file), file)
  const uniqueId = fields.base64("uniqueID")
  if (uniqueId.length === 0)
    throw new StorageError("corrupt", `${file}: uniqueID is empty`, { facts: { file } })
  const encryption = fields.string("encryption")
  if (encryption !== "AES256_GCM") {
    throw new StorageError("unsupported", `${file}: its encryption is ${shown(encryption)}, not AES256_GCM`, {
      facts: { file, encryption },
    })
  }
  const ciphertext = fields.base64("encryptedBlockFormat")
  if (ciphertext.length < NONCE + TAG) {
    throw new StorageError("corrupt", `${file}: encryptedBlockFormat has ${ciphertext.length} bytes`, {
      facts: { file },
    })
  }
  return { uniqueId, keyAlgorithm: fields.string("keyAlgo"), ciphertext }
}

/** Undefined when the tag does not fit: another password made it, or it is damaged. */
export function decryptFormatBlob(blob: FormatBlob, formatKey: Uint8Array): Uint8Array | undefined {
  const sub = (info: string) => Buffer.from(hkdfSync("sha256", formatKey, blob.uniqueId, info, 32))
  const decipher = createDecipheriv("aes-256-gcm", sub("AES"), blob.ciphertext.subarray(0, NONCE))
  decipher.setAAD(sub("CHECKSUM"))
  decipher.setAuthTag(blob.ciphertext.subarray(-TAG))
  try {
    return Buffer.concat([decipher.update(blob.ciphertext.subarray(NONCE, -TAG)), decipher.final()])
  } catch {
    return undefined
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
