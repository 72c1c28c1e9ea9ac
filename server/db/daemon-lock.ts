import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type Database from "better-sqlite3"
import { DatabaseError, databaseError } from "./errors.js"
import { privateFile } from "./private-file.js"
import { openSqlite } from "./sqlite.js"

/** Held for as long as the daemon lives; `release` gives it up, and so does any death of the process. */
export interface DaemonLock {
  release(): void
}

/**
 * Makes sure that one daemon works on a state directory. The kernel drops the lock with the process, so a SIGKILL leaves
 * nothing to clean up. Throws DatabaseError `locked` naming the other process where it is known.
 *
 * The lock is a POSIX one: no code may open and close lock.sqlite by other means, the kernel would drop it.
 */
export function lockStateDirectory(directory: string): DaemonLock {
  const file = join(directory, "lock.sqlite")
  const pidFile = join(directory, "daemon.pid")
  const connection = open(file)
  try {
    connection.exec("BEGIN EXCLUSIVE")
  } catch (cause) {
    connection.close()
    const error = databaseError(cause, file)
    if (!(error instanceof DatabaseError) || error.code !== "locked") throw error
    throw new DatabaseError(
      "locked",
      `another Cistern${runningPid(pidFile)} works on the state directory ${directory}`,
      { hint: "Stop it first, or give this one a state directory of its own (CISTERN_STATE).", cause },
    )
  }
  try {
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  } catch {
    // It serves only to name us in another's message; a full disk must not stop the daemon here.
  }
  return {
    release: () => {
      connection.close()
    },
  }
}

function open(file: string): Database.Database {
  try {
    privateFile(file)
    return openSqlite(file, { timeout: 0 })
  } catch (cause) {
    throw databaseError(cause, file)
  }
}

function runningPid(pidFile: string): string {
  try {
    const pid = /^\d+/.exec(readFileSync(pidFile, "utf8"))?.[0]
    return pid === undefined ? "" : ` (process ${pid})`
  } catch {
    return ""
  }
}
