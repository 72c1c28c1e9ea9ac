import { join } from "node:path"
import type Database from "better-sqlite3"
import { lockStateDirectory } from "./daemon-lock.js"
import { DatabaseError, databaseError } from "./errors.js"
import { migrate, readMigrations, type Migration } from "./migrate.js"
import { privateDirectory, privateFile } from "./private-file.js"
import { openSqlite } from "./sqlite.js"

export interface StateDatabase {
  readonly directory: string
  readonly connection: Database.Database
  /** Closes the database and lets another daemon have the directory. */
  close(): void
}

/**
 * Opens the state of one daemon: takes the directory's lock, checks the file, brings the schema up to date.
 * Every change is on the disk when its call returns. Throws DatabaseError: `locked`, `corrupt`, `newer_schema`, `full`,
 * `denied`, `io`.
 */
export function openDatabase(
  stateDirectory: string,
  options: { migrations?: readonly Migration[] } = {},
): StateDatabase {
  privateDirectory(stateDirectory)
  const lock = lockStateDirectory(stateDirectory)
  try {
    const connection = openChecked(
      join(stateDirectory, "state.sqlite"),
      options.migrations ?? readMigrations(),
    )
    return {
      directory: stateDirectory,
      connection,
      close: () => {
        connection.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function openChecked(file: string, migrations: readonly Migration[]): Database.Database {
  let connection: Database.Database | undefined
  try {
    privateFile(file)
    connection = openSqlite(file)
    // A reader beside us, such as a backup of the database, must not make a write fail at once.
    connection.pragma("busy_timeout = 5000")
    // One append per transaction instead of a journal that is written and removed: half the syncs on a slow disk.
    connection.pragma("journal_mode = WAL")
    // In WAL mode the default may lose the last transactions at a power cut; the ledger must not.
    connection.pragma("synchronous = FULL")
    connection.pragma("foreign_keys = ON")
    connection.pragma("cache_size = -4096") // KiB; better-sqlite3 would keep 16 MiB of pages for good
    check(connection, file)
    migrate(connection, migrations, Date.now())
    return connection
  } catch (error) {
    connection?.close()
    throw databaseError(error, file)
  }
}

function check(connection: Database.Database, file: string): void {
  const findings = connection.prepare<[], string>("PRAGMA quick_check(3)").pluck().all()
  if (findings.length === 1 && findings[0] === "ok") return
  throw new DatabaseError("corrupt", `${file}: it is damaged (${findings.join("; ")})`, {
    hint: "Stop the daemon and put back state.sqlite from a backup, or move it away and apply the document again: the stores hold a copy of the ledger.",
  })
}
