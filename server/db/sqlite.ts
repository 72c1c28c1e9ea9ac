import { createRequire } from "node:module"
import type Database from "better-sqlite3"

// Release 13 (installed under the other name) has one binary for every Node from 22 on. Earlier releases are built for one
// Node, and Node 24 aborts the process when it collects one of their statements while no script runs; but they are what
// there is for Node 20, in which release 13 crashes.
const FIRST_WITH_RELEASE_13 = 22

const sqlite = createRequire(import.meta.url)(
  Number.parseInt(process.versions.node) < FIRST_WITH_RELEASE_13 ? "better-sqlite3" : "better-sqlite3-napi",
) as typeof Database

/** Opens a database file, and creates it where it is not there. Throws SqliteError. */
export function openSqlite(file: string, options: Database.Options = {}): Database.Database {
  return new sqlite(file, options)
}
