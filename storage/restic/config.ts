import { JsonFields, parseJson } from "../bytes/index.js"
import { StorageError } from "../errors.js"
import { naming } from "./hash-named.js"
import { openSealed, SEAL_LENGTH, type SealKey } from "./sealed.js"

export const CONFIG_FILE = "config"
export const LONGEST_CONFIG = 64 * 1024

export interface Config {
  readonly version: 1 | 2
  /** 64 hex digits, the same as long as the repository lives. */
  readonly id: string
}

/** `corrupt` when the file is too short to hold a seal: all that can be told of it without the password. */
export function checkConfigLength(sealed: Uint8Array): void {
  if (sealed.length > SEAL_LENGTH) return
  throw new StorageError("corrupt", `config has ${sealed.length} bytes, it cannot hold anything`, {
    facts: { file: CONFIG_FILE, length: sealed.length },
    hint: "Fetch this file from another copy of the repository; without it nothing can be restored.",
  })
}

/** Opens and parses `config` (restic-repository-format §4). Versions other than 1 and 2 are `unsupported`. */
export function parseConfig(sealed: Uint8Array, key: SealKey): Config {
  checkConfigLength(sealed)
  const plaintext = openSealed(key, sealed)
  if (plaintext === undefined) {
    throw new StorageError("corrupt", "config is damaged, or belongs to another repository than the keys", {
      facts: { file: CONFIG_FILE, length: sealed.length },
      hint: "Fetch this file from another copy of the repository; without it nothing can be restored.",
    })
  }
  return naming(CONFIG_FILE, () => {
    const fields = new JsonFields(parseJson(plaintext, CONFIG_FILE), CONFIG_FILE)
    const version = fields.number("version")
    if (version !== 1 && version !== 2) {
      throw new StorageError("unsupported", `config: repository version ${version} is unknown to us`, {
        facts: { file: CONFIG_FILE, version },
        hint: "Update Cistern.",
      })
    }
    const id = fields.string("id")
    if (!/^[0-9a-f]{64}$/.test(id)) {
      throw new StorageError("corrupt", "config: id is not 64 hex digits", { facts: { file: CONFIG_FILE } })
    }
    return { version, id }
  })
}
