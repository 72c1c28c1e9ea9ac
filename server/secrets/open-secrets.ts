import { errnoOf } from "../../storage/errno.js"
import type { KeyMemory } from "../../storage/repository.js"
import { SealedSecrets, type StateDatabase, StretchedKeys } from "../db/index.js"
import { SecretError } from "./errors.js"
import { createKeyFile, readKeyFile } from "./key-file.js"
import { Sealer } from "./sealer.js"
import { SealedKeyMemory } from "./sealed-key-memory.js"
import { SecretStore } from "./secret-store.js"

export interface Secrets {
  readonly store: SecretStore
  readonly keys: KeyMemory
}

const CHECK_NAME = "key check"

/**
 * Opens what is sealed in the state with the key file, which the first start creates. Throws SecretError `key_file` when the
 * file cannot be trusted, or is not the one that the values in this state are sealed with. Where no value is sealed, a new
 * key file costs only the stretched keys, and is taken.
 */
export function openSecrets(
  database: StateDatabase,
  keyFile: string,
  env: Readonly<Record<string, string | undefined>>,
): Secrets {
  const table = new SealedSecrets(database.connection)
  const sealer = new Sealer(readKeyFile(keyFile) ?? newKey(keyFile, table))
  if (!opensCheck(table, sealer)) {
    const names = table.names()
    if (names.length > 0) throw wrongKey(`the key file ${keyFile} is another one`, names)
    new StretchedKeys(database.connection).clear()
    table.putKeyCheck(sealer.seal(CHECK_NAME, new Uint8Array()))
  }
  return { store: new SecretStore(database, sealer, env), keys: new SealedKeyMemory(database, sealer) }
}

function newKey(keyFile: string, table: SealedSecrets): Uint8Array {
  const names = table.names()
  if (names.length > 0) throw wrongKey(`the key file ${keyFile} is gone`, names)
  try {
    return createKeyFile(keyFile)
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    throw new SecretError(
      "key_file",
      `the key file ${keyFile} cannot be created (${errno})`,
      "Set CISTERN_KEY_FILE to a path that the daemon's user may write.",
    )
  }
}

function opensCheck(table: SealedSecrets, sealer: Sealer): boolean {
  const check = table.keyCheck()
  if (check === undefined) return false
  try {
    sealer.unseal(CHECK_NAME, check)
    return true
  } catch (error) {
    if (error instanceof SecretError) return false
    throw error
  }
}

function wrongKey(what: string, names: readonly string[]): SecretError {
  return new SecretError(
    "key_file",
    `${what}, and these secrets are sealed with the one that was there: ${names.join(", ")}`,
    "Put back the key file that belongs to this state directory, from the backup it was kept in.",
  )
}
