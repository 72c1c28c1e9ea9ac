/** What an administrator asked of the ledger and it will not do. */
export type LedgerErrorCode =
  /** What was to be acknowledged is not what is there now. */
  | "stale"
  /** Not a copy of a ledger, or one of a later version. */
  | "not_a_ledger"
  /** A value that no call can mean, such as a window of no length. */
  | "invalid"

export class LedgerError extends Error {
  override readonly name = "LedgerError"
  readonly code: LedgerErrorCode
  /** The next step, as one sentence. */
  readonly hint: string

  constructor(code: LedgerErrorCode, message: string, hint: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}
