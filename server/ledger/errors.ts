/** What was asked of the ledger, or of a copy of it, and it will not do. */
export type LedgerErrorCode =
  /** What was to be acknowledged is not what is there now. */
  | "stale"
  /** Not a copy of a ledger. */
  | "not_a_ledger"
  /** A copy that a later Cistern wrote. */
  | "later_version"
  /** A copy of another store's ledger. */
  | "other_store"
  /** A copy that contradicts itself or its checksum. */
  | "damaged"
  /** More is known than a copy may hold. */
  | "too_large"
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
