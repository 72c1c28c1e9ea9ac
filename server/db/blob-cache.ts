import { rmSync } from "node:fs"
import { join } from "node:path"
import { crc32 } from "node:zlib"
import type Database from "better-sqlite3"
import type { BlobMemory } from "../../storage/blobs/index.js"
import { DatabaseError, databaseError } from "./errors.js"
import { privateDirectory, privateFile } from "./private-file.js"
import { openSqlite } from "./sqlite.js"

// Everything here can be read again from the repositories. So: no failure of this file ever reaches an answer. What
// cannot be read is as if it had not been remembered, what cannot be written is not remembered, a damaged file is thrown
// away, and so is what another version remembered.

/** Raised when the table, or the meaning of what the engines remember in it, changes. */
const VERSION = 1
const DAY_MS = 86_400_000
/** A use is noted once in so many days, so that reading does not write. */
const NOTE_USE_AFTER_DAYS = 7

export interface BlobCache {
  /** What is remembered of one place. */
  of(place: string): BlobMemory
  /** Forgets what was not used for so many days; returns how many entries. */
  prune(unusedDays: number): number
  forgetPlace(place: string): void
  /** The last failure, for the doctor. The cache goes on without what failed. */
  readonly lastError: unknown
  close(): void
}

/**
 * Opens cache.sqlite of a state directory. Each thread opens its own; the main thread does so first, because opening is
 * when a damaged file is replaced. Throws DatabaseError `full`, `denied` or `io` where there can be no cache at all.
 */
export function openBlobCache(
  stateDirectory: string,
  options: { now?: () => number; version?: number } = {},
): BlobCache {
  privateDirectory(stateDirectory)
  const file = join(stateDirectory, "cache.sqlite")
  const version = options.version ?? VERSION
  const now = options.now ?? Date.now
  try {
    return new SqliteBlobCache(openCurrent(file, version), now)
  } catch (cause) {
    const error = databaseError(cause, file)
    if (!(error instanceof DatabaseError) || error.code !== "corrupt") throw error
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true })
    return new SqliteBlobCache(openCurrent(file, version), now)
  }
}

function openCurrent(file: string, version: number): Database.Database {
  privateFile(file)
  const connection = openSqlite(file)
  try {
    connection.pragma("busy_timeout = 5000")
    connection.pragma("journal_mode = WAL")
    // A power cut may lose the last entries; they are read again.
    connection.pragma("synchronous = NORMAL")
    // KiB; every entry is read once, so that kept pages would be of no use.
    connection.pragma("cache_size = -1024")
    connection
      .transaction(() => {
        const found = connection.pragma("user_version", { simple: true })
        if (found === version) return
        if (found !== 0) connection.exec("DROP TABLE blob")
        connection.exec(`
          CREATE TABLE blob (
            place    TEXT    NOT NULL,
            kind     TEXT    NOT NULL,
            name     TEXT    NOT NULL,
            length   INTEGER NOT NULL, -- of the file in the repository
            value    BLOB    NOT NULL,
            checksum INTEGER NOT NULL, -- CRC-32 of value: SQLite itself notices no flipped bit
            used_day INTEGER NOT NULL, -- days since 1970
            UNIQUE (place, kind, name, length)
          ) STRICT;
          CREATE INDEX blob_unused ON blob (used_day);
        `)
        connection.pragma(`user_version = ${version}`)
      })
      .immediate()
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

interface Row {
  readonly id: number
  readonly value: Buffer
  readonly checksum: number
  readonly usedDay: number
}

class SqliteBlobCache implements BlobCache {
  lastError: unknown = undefined
  readonly #connection
  readonly #now
  readonly #read
  readonly #write
  readonly #noteUse
  readonly #prune
  readonly #forgetPlace

  constructor(connection: Database.Database, now: () => number) {
    this.#connection = connection
    this.#now = now
    this.#read = connection.prepare<[string, string, string, number], Row>(
      `SELECT rowid AS id, value, checksum, used_day AS usedDay FROM blob
       WHERE place = ? AND kind = ? AND name = ? AND length = ?`,
    )
    this.#write = connection.prepare<[string, string, string, number, Uint8Array, number, number]>(
      `INSERT INTO blob VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place, kind, name, length) DO UPDATE
       SET value = excluded.value, checksum = excluded.checksum, used_day = excluded.used_day`,
    )
    this.#noteUse = connection.prepare<[number, number]>("UPDATE blob SET used_day = ? WHERE rowid = ?")
    this.#prune = connection.prepare<[number]>("DELETE FROM blob WHERE used_day < ?")
    this.#forgetPlace = connection.prepare<[string]>("DELETE FROM blob WHERE place = ?")
  }

  of(place: string): BlobMemory {
    return {
      recall: (kind, name, length) => this.#recall(place, kind, name, length),
      remember: (kind, name, length, value) => {
        this.#attempt(() => this.#write.run(place, kind, name, length, value, crc32(value), this.#today()))
      },
    }
  }

  prune(unusedDays: number): number {
    return this.#attempt(() => this.#prune.run(this.#today() - unusedDays).changes) ?? 0
  }

  forgetPlace(place: string): void {
    this.#attempt(() => this.#forgetPlace.run(place))
  }

  close(): void {
    this.#connection.close()
  }

  #recall(place: string, kind: string, name: string, length: number): Uint8Array | undefined {
    const row = this.#attempt(() => this.#read.get(place, kind, name, length))
    if (row === undefined || crc32(row.value) !== row.checksum) return undefined
    const today = this.#today()
    if (today - row.usedDay >= NOTE_USE_AFTER_DAYS) this.#attempt(() => this.#noteUse.run(today, row.id))
    return row.value
  }

  #today(): number {
    return Math.floor(this.#now() / DAY_MS)
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.lastError = error
      return undefined
    }
  }
}
