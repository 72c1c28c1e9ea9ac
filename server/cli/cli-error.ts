import { type ExitCode, exitCodes } from "./exit-codes.js"

/** A failure of a command that is none of storage, of the state or of a document. */
export class CliError extends Error {
  override readonly name = "CliError"
  readonly code: string
  readonly exitCode: ExitCode
  /** The next step, as one sentence. */
  readonly hint: string | undefined

  constructor(
    code: string,
    message: string,
    exitCode: ExitCode,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.exitCode = exitCode
    this.hint = options.hint
  }
}

/** The command line asks for something that cannot be. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError("usage", message, exitCodes.usage, hint === undefined ? {} : { hint })
}
