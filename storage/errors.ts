/** What went wrong, by remedy: two failures share a code only when the administrator does the same thing about both. */
export type StorageErrorCode =
  /** Nothing is there: a file, a folder or the whole place. */
  | "missing"
  /** The place exists and holds nothing (what counts as nothing: design, "The first backup"). */
  | "empty"
  /** Something is there, but no engine of ours knows it. */
  | "not_a_repository"
  /** More than one repository lies in or directly below one place. */
  | "two_repositories"
  /** Permission denied. */
  | "unreadable"
  /** The disk or the network filesystem failed (EIO, ESTALE and their kin). */
  | "io"
  /** No answer within the time limit: a hung mount. */
  | "timeout"
  | "password_missing"
  | "wrong_password"
  /** Bytes that do not authenticate, do not parse or contradict themselves. */
  | "corrupt"
  /** A version, algorithm or feature that this reader does not know. */
  | "unsupported"
  /** The engine holds the repository back while it converts it. */
  | "upgrading"
  /** It changed faster than it could be read; a later try may succeed. */
  | "unstable"
  /** A metadata file that was there before is gone, and no compaction explains it. */
  | "index_lost"
  /** The disk that is written to is full, or a quota is. */
  | "no_space"
  /** Something is there already, in the place of what is to be made. */
  | "occupied"
  /** Input that no call can mean: a path with "..", a name with a NUL. */
  | "invalid"

export type ErrorFacts = Readonly<Record<string, string | number | boolean>>

/** A failure the administrator or the caller can act on. Anything else that escapes storage/ is a bug. */
export class StorageError extends Error {
  override readonly name = "StorageError"
  readonly code: StorageErrorCode
  /** Numbers and names behind the message; `file` is the repository-relative path where one is to blame. */
  readonly facts: ErrorFacts
  /** The next step, as one sentence. Absent when there is none. */
  readonly hint: string | undefined

  constructor(
    code: StorageErrorCode,
    message: string,
    options: { facts?: ErrorFacts; hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts ?? {}
    this.hint = options.hint
  }
}

/** Passes a StorageError on and wraps anything else as `corrupt` in the named file: for parsers of untrusted bytes. */
export function asCorrupt(cause: unknown, file: string, what: string): StorageError {
  if (cause instanceof StorageError) return cause
  return new StorageError("corrupt", `${file}: ${what}`, { facts: { file }, cause })
}
