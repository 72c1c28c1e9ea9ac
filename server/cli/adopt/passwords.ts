import { resolve } from "node:path"
import type { Secret } from "../../../storage/index.js"
import type { Environment } from "../../config/index.js"
import { readSecretFile, readSecretVariable } from "../../secrets/index.js"
import { usageError } from "../cli-error.js"

/** A password, and how a document refers to it: never by its value. */
export interface KnownPassword {
  readonly secret: Secret
  readonly reference: { readonly file: string } | { readonly env: string }
}

/** Reads them as the daemon will: one that opens a repository here opens it there. Throws SecretError, CliError. */
export function readPasswords(
  files: readonly string[],
  variables: readonly string[],
  environment: Environment,
): KnownPassword[] {
  return [
    ...files.map((path) => ({ secret: readSecretFile(path).secret, reference: { file: resolve(path) } })),
    ...variables.map((name) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw usageError(`${JSON.stringify(name)} is not the name of an environment variable`)
      }
      return { secret: readSecretVariable(name, environment), reference: { env: name } }
    }),
  ]
}
