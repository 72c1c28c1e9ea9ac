import { renameSync } from "node:fs"
import { join } from "node:path"
import type Database from "better-sqlite3"
import { StorageError, type StorageErrorCode } from "../../storage/index.js"
import { errnoOf } from "../../storage/errno.js"
import { DatabaseError, type DatabaseErrorCode, databaseError } from "./errors.js"
import { privateDirectory, privateFile } from "./private-file.js"
import { openSqlite } from "./sqlite.js"

// What scrubs remember. Of Kopia's blobs it is the only evidence of what their bytes were, so that a damaged file is kept beside the new one.

const VERSION = 1

export interface OpenedScrubLedger {
  readonly connection: Database.Database
  /** When a ledger before this one was found damaged and was set aside, and under which name. */
  readonly lost: { readonly at: number; readonly file: string } | undefined
}

export interface ScrubLedgerOptions {
  /** Nobody else has it open, so that a damaged one can be set aside. */
  readonly alone: boolean
  /** SQLite called it damaged in the middle of an earlier run. */
  readonly damaged: boolean
  readonly now?: () => number
}

/**
 * Opens scrub.sqlite of a state directory. Each thread opens its own. Throws StorageError; `facts.ledger` is "damaged" where it is that and
 * others use it: then nothing of it was touched.
 */
export function openScrubLedger(stateDirectory: string, options: ScrubLedgerOptions): OpenedScrubLedger {
  const file = join(stateDirectory, "scrub.sqlite")
  return ledgerErrors(file, () => {
    privateDirectory(stateDirectory)
    if (!options.damaged) {
      try {
        return opened(file)
      } catch (cause) {
        const error = databaseError(cause, file)
        if (!(error instanceof DatabaseError) || error.code !== "corrupt" || !options.alone) throw error
      }
    } else if (!options.alone) throw damagedError(file)
    const at = (options.now ?? Date.now)()
    const aside = setAside(file, at)
    const { connection } = opened(file)
    noteLoss(connection, at, aside)
    return { connection, lost: { at, file: aside } }
  })
}

/** Does `work` on the ledger and throws what failed as a StorageError. */
export function ledgerErrors<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const error = databaseError(cause, what)
    if (!(error instanceof DatabaseError)) throw error
    if (error.code === "corrupt") throw damagedError(what)
    throw new StorageError(codes[error.code], error.message, { hint: error.hint, cause })
  }
}

const codes: Readonly<Record<Exclude<DatabaseErrorCode, "corrupt">, StorageErrorCode>> = {
  full: "no_space",
  denied: "unreadable",
  io: "io",
  locked: "unstable",
  newer_schema: "unsupported",
}

/** Another try finds it set aside. */
function damagedError(what: string): StorageError {
  return new StorageError("unstable", `${what}: the ledger of scrubs is damaged`, {
    facts: { ledger: "damaged" },
    hint: "The next run sets it aside and learns anew.",
  })
}

function opened(file: string): OpenedScrubLedger {
  privateFile(file)
  const connection = openSqlite(file)
  try {
    connection.pragma("busy_timeout = 10000")
    connection.pragma("journal_mode = WAL")
    // What was remembered must outlive a power cut.
    connection.pragma("synchronous = FULL")
    connection.pragma("cache_size = -8192")
    connection
      .transaction(() => {
        const found = connection.pragma("user_version", { simple: true }) as number
        if (found > VERSION) {
          throw new DatabaseError("newer_schema", `${file} was written by a later Cistern`, {
            hint: "Start that version again.",
          })
        }
        if (found === VERSION) return
        connection.exec(SCHEMA)
        connection.pragma(`user_version = ${VERSION}`)
      })
      .immediate()
    return { connection, lost: lossOf(connection) }
  } catch (error) {
    connection.close()
    throw error
  }
}

const SCHEMA = `
  CREATE TABLE place (
    id        INTEGER PRIMARY KEY,
    key       TEXT    NOT NULL UNIQUE,
    open_pass INTEGER, -- when the pass began that has not come to its end
    last_end  INTEGER
  ) STRICT;
  CREATE TABLE blob (
    place      INTEGER NOT NULL,
    path       TEXT    NOT NULL,
    sha256     BLOB    NOT NULL,
    length     INTEGER NOT NULL,
    modified   TEXT    NOT NULL, -- nanoseconds, as far as filesystems go
    first_seen INTEGER NOT NULL,
    checked    INTEGER NOT NULL,
    checksum   INTEGER NOT NULL, -- CRC-32 of all of these: SQLite itself notices no flipped bit
    PRIMARY KEY (place, path)
  ) STRICT, WITHOUT ROWID;
  -- Known blobs that do not lie there any more.
  CREATE TABLE gone (
    place INTEGER NOT NULL,
    path  TEXT    NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (place, path)
  ) STRICT, WITHOUT ROWID;
  -- What was not right when it was read last.
  CREATE TABLE trouble (
    place INTEGER NOT NULL,
    path  TEXT    NOT NULL,
    code  TEXT    NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (place, path)
  ) STRICT, WITHOUT ROWID;
  -- What was odd once.
  CREATE TABLE oddity (
    place INTEGER NOT NULL,
    code  TEXT    NOT NULL,
    path  TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (place, code, path)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE loss (at INTEGER NOT NULL, file TEXT NOT NULL) STRICT;
`

function lossOf(connection: Database.Database): OpenedScrubLedger["lost"] {
  return connection
    .prepare<[], { at: number; file: string }>("SELECT at, file FROM loss ORDER BY at DESC LIMIT 1")
    .get()
}

function noteLoss(connection: Database.Database, at: number, file: string): void {
  connection.prepare<[number, string]>("INSERT INTO loss VALUES (?, ?)").run(at, file)
}

/** Never over another one that was set aside. Gives where it lies now. */
function setAside(file: string, at: number): string {
  const aside = `${file}.damaged-${new Date(at).toISOString().replaceAll(/[:.]/g, "-")}`
  for (const suffix of ["-wal", "-shm", ""]) {
    try {
      renameSync(file + suffix, aside + suffix)
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error
    }
  }
  return aside
}
