/** What went wrong with the state, by remedy. */
export type DatabaseErrorCode =
  /** Another daemon holds this state directory. */
  | "locked"
  /** The file is damaged, or is no database of ours. */
  | "corrupt"
  /** A later Cistern wrote it. */
  | "newer_schema"
  /** No space, or a quota is reached. Reading still works. */
  | "full"
  /** May not be read or written: owner, mode, or a read-only filesystem. */
  | "denied"
  /** The disk failed. */
  | "io"

/** A failure of the state directory that the administrator can act on. Any other SQLite error is a bug. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError"
  readonly code: DatabaseErrorCode
  /** The next step, as one sentence. */
  readonly hint: string

  constructor(code: DatabaseErrorCode, message: string, options: { hint: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

const remedies: Readonly<Record<string, { code: DatabaseErrorCode; what: string; hint: string }>> = {
  SQLITE_FULL: {
    code: "full",
    what: "the filesystem has no space left",
    hint: "Make room under the state directory; the daemon catches up by itself.",
  },
  SQLITE_READONLY: {
    code: "denied",
    what: "it may not be written",
    hint: "Make the state directory writable for the daemon's user, on a filesystem that is not mounted read-only.",
  },
  SQLITE_CANTOPEN: {
    code: "denied",
    what: "it cannot be opened",
    hint: "Check that the state directory is there, has space left and belongs to the daemon's user.",
  },
  SQLITE_PERM: {
    code: "denied",
    what: "it may not be opened",
    hint: "Let the state directory belong to the daemon's user.",
  },
  SQLITE_CORRUPT: {
    code: "corrupt",
    what: "it is damaged",
    hint: "Stop the daemon and put back state.sqlite from a backup, or move it away and apply the document again: the stores hold a copy of the ledger.",
  },
  SQLITE_NOTADB: {
    code: "corrupt",
    what: "it is not a database",
    hint: "Stop the daemon and put back state.sqlite from a backup, or move it away and apply the document again: the stores hold a copy of the ledger.",
  },
  SQLITE_IOERR: {
    code: "io",
    what: "the disk failed",
    hint: "Look at the kernel log, the health of the disk and the space left under the state directory.",
  },
  SQLITE_BUSY: {
    code: "locked",
    what: "another process holds it",
    hint: "Stop the other program that has opened the state database.",
  },
}

/** Translates a failure of SQLite once; anything else comes back as it was. `what` names the file or the deed. */
export function databaseError(cause: unknown, what: string): unknown {
  const sqlite = (cause as { code?: unknown } | undefined)?.code
  if (cause instanceof DatabaseError || typeof sqlite !== "string") return cause
  // Extended codes such as SQLITE_IOERR_SHMSIZE begin with the primary one.
  const primary = /^SQLITE_[A-Z]+/.exec(sqlite)?.[0] ?? ""
  const remedy = remedies[primary]
  if (remedy === undefined) return cause
  return new DatabaseError(remedy.code, `${what}: ${remedy.what} (${sqlite})`, { hint: remedy.hint, cause })
}

/** Runs `work` and throws what failed in the words of `databaseError`. */
export function translated<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw databaseError(cause, what)
  }
}
