import { CommanderError } from "commander"
import { StorageError } from "../../storage/index.js"
import { ConfigError, DocumentError } from "../config/index.js"
import { DatabaseError } from "../db/index.js"
import { SecretError } from "../secrets/index.js"
import { CliError } from "./cli-error.js"
import { type ExitCode, exitCodeOfStorage, exitCodes } from "./exit-codes.js"
import { printable } from "./printable.js"

export interface ReportedError {
  readonly exitCode: ExitCode
  /** Lines for standard error; empty where commander has printed its own. */
  readonly text: string
}

/** What is printed of a failed command: message, hint and code. The stack shows only where somebody debugs. */
export function reportError(error: unknown, debug: boolean): ReportedError {
  if (error instanceof CommanderError) {
    return { exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage, text: "" }
  }
  const { code, hint, exitCode } = described(error)
  const message = error instanceof Error ? error.message : String(error)
  const lines = [`error: ${message} [${code}]`]
  if (hint !== undefined) lines.push(`hint: ${hint}`)
  if (debug && error instanceof Error) lines.push(stackOf(error))
  return { exitCode, text: lines.map((line) => printable(line, "\n") + "\n").join("") }
}

function described(error: unknown): { code: string; hint: string | undefined; exitCode: ExitCode } {
  if (error instanceof CliError) return error
  if (error instanceof StorageError) {
    return { code: error.code, hint: error.hint, exitCode: exitCodeOfStorage[error.code] }
  }
  if (error instanceof DocumentError || error instanceof ConfigError) {
    return { code: error.code, hint: error.hint, exitCode: exitCodes.usage }
  }
  if (error instanceof DatabaseError || error instanceof SecretError) {
    return { code: error.code, hint: error.hint, exitCode: exitCodes.unclear }
  }
  return {
    code: "internal",
    hint: "This is a fault of Cistern's own. Run it again with LOG_LEVEL=debug and report what it prints.",
    exitCode: exitCodes.unclear,
  }
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ""
  return (error.stack ?? error.message) + cause
}
