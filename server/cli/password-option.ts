import { readFileSync } from "node:fs"
import { errnoOf } from "../../storage/errno.js"
import { Secret } from "../../storage/index.js"
import type { Environment } from "../config/index.js"
import { usageError } from "./cli-error.js"

export interface PasswordOptions {
  readonly passwordFile?: string
  readonly passwordEnv?: string
}

/**
 * The password from a file (one line end at its end does not count, as with the engines' own options) or from a variable.
 * There is no option that takes the password itself: everybody on the machine could read it.
 */
export function readPassword(options: PasswordOptions, environment: Environment): Secret | undefined {
  const { passwordFile, passwordEnv } = options
  if (passwordFile !== undefined && passwordEnv !== undefined) {
    throw usageError("--password-file and --password-env exclude each other")
  }
  if (passwordFile !== undefined) return new Secret(withoutLineEnd(readFile(passwordFile)))
  if (passwordEnv === undefined) return undefined
  const value = environment[passwordEnv]
  if (value === undefined || value === "") throw usageError(`the variable ${passwordEnv} is not set`)
  return new Secret(value)
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    throw usageError(`the password file ${path} cannot be read (${errno})`, "Check the path and its mode.")
  }
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "")
}
