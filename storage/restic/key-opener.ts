import type { FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { KeyMemory, Notice } from "../repository.js"
import type { Secret } from "../secret.js"
import { readHashNamed } from "./hash-named.js"
import { deriveKey, type KeyFile, LONGEST_KEY_FILE, openKeyFile, parseKeyFile } from "./key-file.js"
import type { SealKey } from "./sealed.js"

// restic gives up after as many, so a mover could not open the repository either.
const MOST_TRIES = 20

/** The key files of one moment. At least one is intact. */
export interface KeyFiles {
  /** By name. */
  readonly intact: readonly KeyFile[]
  /** Of files that cannot be used. */
  readonly notices: readonly Notice[]
}

/** Reads all key files. One that is damaged is a notice while another can be used, else the error. */
export async function readKeyFiles(files: FileTree, entries: readonly TreeEntry[]): Promise<KeyFiles> {
  const intact: KeyFile[] = []
  const unusable: StorageError[] = []
  for (const { name } of entries) {
    try {
      intact.push(parseKeyFile(await readHashNamed(files, "keys", name, LONGEST_KEY_FILE), name))
    } catch (error) {
      if (!(error instanceof StorageError) || !canBePassedOver(error)) throw error
      unusable.push(error)
    }
  }
  if (intact.length === 0) {
    throw unusable[0] ?? new StorageError("corrupt", "keys holds no key file", { facts: { file: "keys" } })
  }
  const notices = unusable.map((error): Notice => {
    const file = String(error.facts["file"])
    return { code: "damaged_key", message: error.message, file }
  })
  return { intact, notices }
}

function canBePassedOver(error: StorageError): boolean {
  return error.code === "corrupt" || error.code === "unsupported" || error.code === "unreadable"
}

/**
 * Opens key files with one password, and remembers in the process which one it opened and which ones it did not: a key
 * file never changes under its name. Across starts the derived keys are remembered where the caller has a KeyMemory;
 * the derived key and not the master key, so that the key file itself is still needed and still checked.
 */
export class KeyOpener {
  readonly #password: Secret
  readonly #memory: KeyMemory | undefined
  readonly #masterKeys = new Map<string, SealKey>()
  readonly #refused = new Set<string>()

  constructor(password: Secret, memory: KeyMemory | undefined) {
    this.#password = password
    this.#memory = memory
  }

  /** Throws `wrong_password` when none of the files opens. */
  async open(keys: KeyFiles): Promise<SealKey> {
    for (const { id } of keys.intact) {
      const masterKey = this.#masterKeys.get(id)
      if (masterKey !== undefined) return masterKey
    }
    return (await this.#openRemembered(keys)) ?? (await this.#openByDeriving(keys))
  }

  async #openRemembered(keys: KeyFiles): Promise<SealKey | undefined> {
    for (const keyFile of keys.intact) {
      const derived = await this.#memory?.recall(label(keyFile), this.#password)
      const masterKey = derived === undefined ? undefined : tryRemembered(keyFile, derived)
      if (masterKey !== undefined) return this.#keep(keyFile, masterKey)
    }
    return undefined
  }

  async #openByDeriving(keys: KeyFiles): Promise<SealKey> {
    for (const keyFile of keys.intact.slice(0, MOST_TRIES)) {
      if (this.#refused.has(keyFile.id)) continue
      const derived = await deriveKey(keyFile, this.#password)
      const masterKey = openKeyFile(keyFile, derived)
      if (masterKey !== undefined) {
        await this.#memory?.remember(label(keyFile), this.#password, derived)
        return this.#keep(keyFile, masterKey)
      }
      this.#refused.add(keyFile.id)
    }
    throw wrongPassword(keys)
  }

  #keep(keyFile: KeyFile, masterKey: SealKey): SealKey {
    this.#masterKeys.set(keyFile.id, masterKey)
    return masterKey
  }
}

function tryRemembered(keyFile: KeyFile, derived: Uint8Array): SealKey | undefined {
  try {
    return openKeyFile(keyFile, derived)
  } catch {
    // A memory that is wrong costs the time of deriving, and says nothing about the key file.
    return undefined
  }
}

function label(keyFile: KeyFile): string {
  return `restic:${keyFile.id}`
}

function wrongPassword(keys: KeyFiles): StorageError {
  const tried = Math.min(keys.intact.length, MOST_TRIES)
  const unusable = keys.notices.length
  const besides = [
    ...(unusable === 0 ? [] : [`${unusable} more cannot be used`]),
    ...(keys.intact.length > tried
      ? [`${keys.intact.length - tried} were not tried, as restic would not`]
      : []),
  ]
  const first = keys.notices[0]?.file
  return new StorageError(
    "wrong_password",
    [`the password opens none of ${tried} keys`, ...besides].join("; "),
    {
      facts: { keys: keys.intact.length, tried, unusable, ...(first === undefined ? {} : { file: first }) },
      hint:
        unusable === 0
          ? "Give the password that the mover uses. A newline at its end counts."
          : "Give the password that the mover uses, or restore the damaged key file from another copy.",
    },
  )
}
