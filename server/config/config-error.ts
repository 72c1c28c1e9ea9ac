/** The environment or the command line asks for something that cannot be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
  readonly code = "invalid_config"
  /** The next step, as one sentence. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}
