export type SecretErrorCode =
  /** The file, the variable or the sealed value is not there. */
  | "missing"
  | "empty"
  /** May not be read, is too large, or is no text. */
  | "unreadable"
  /** The key file is gone, of a wrong size or mode, or not the one that the state was sealed with. */
  | "key_file"
  /** A sealed value was changed on the disk. */
  | "damaged"

/** Why there is no secret. Names the file, the variable or the secret's name; never a byte of what is in it. */
export class SecretError extends Error {
  override readonly name = "SecretError"
  readonly code: SecretErrorCode
  /** The next step, as one sentence. */
  readonly hint: string

  constructor(code: SecretErrorCode, message: string, hint: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}
