import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type Database from "better-sqlite3"
import { DatabaseError } from "./errors.js"

export interface Migration {
  /** The file's name without ".sql": what is recorded. */
  readonly name: string
  readonly sql: string
}

/** Every NNNN-name.sql of a folder, by number. Lies beside this file both in the source and in the build. */
export function readMigrations(folder = join(import.meta.dirname, "migrations")): Migration[] {
  return readdirSync(folder)
    .filter((file) => /^\d{4}-.+\.sql$/.test(file))
    .sort()
    .map((file) => ({ name: file.slice(0, -".sql".length), sql: readFileSync(join(folder, file), "utf8") }))
}

/**
 * Brings the schema up to date: each migration in a transaction of its own, recorded by name with it. Refuses with
 * `newer_schema`, before it changes anything, when the database records one that is not among `migrations`.
 */
export function migrate(connection: Database.Database, migrations: readonly Migration[], now: number): void {
  connection.exec(
    "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  )
  const applied = new Set(connection.prepare<[], string>("SELECT name FROM migration").pluck().all())
  const known = new Set(migrations.map((migration) => migration.name))
  const unknown = [...applied].filter((name) => !known.has(name)).sort()
  if (unknown.length > 0) {
    throw new DatabaseError(
      "newer_schema",
      `the state was written by a later Cistern: it has ${unknown.join(", ")}, which this one does not know`,
      {
        hint: "Install that version again, or put back the state directory's backup from before the upgrade.",
      },
    )
  }
  const record = connection.prepare<[string, number]>("INSERT INTO migration VALUES (?, ?)")
  for (const migration of migrations) {
    if (applied.has(migration.name)) continue
    connection.transaction(() => {
      connection.exec(migration.sql)
      record.run(migration.name, now)
    })()
  }
}
