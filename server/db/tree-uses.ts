import type Database from "better-sqlite3"
import { translated } from "./errors.js"

/** What a walk through a tree found. Times in Unix milliseconds. */
export interface StoredTreeUse {
  readonly bytes: number
  readonly files: number
  /** Folders that could not be read. */
  readonly unread: number
  /** Subvolumes and mounts in it, which are not in the figures. */
  readonly elsewhere: number
  readonly begunAt: number
  readonly endedAt: number
}

/** The last walk through each tree. */
export class TreeUses {
  readonly #read
  readonly #write

  constructor(connection: Database.Database) {
    this.#read = connection.prepare<[string], StoredTreeUse>(
      "SELECT bytes, files, unread, elsewhere, begun_at AS begunAt, ended_at AS endedAt FROM tree_use WHERE place = ?",
    )
    this.#write = connection.prepare<[string, number, number, number, number, number, number]>(
      `INSERT INTO tree_use VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place) DO UPDATE SET bytes = excluded.bytes,
       files = excluded.files, unread = excluded.unread, elsewhere = excluded.elsewhere, begun_at = excluded.begun_at,
       ended_at = excluded.ended_at`,
    )
  }

  get(place: string): StoredTreeUse | undefined {
    return translated("reading what a tree holds", () => this.#read.get(place))
  }

  put(place: string, { bytes, files, unread, elsewhere, begunAt, endedAt }: StoredTreeUse): void {
    translated("saving what a tree holds", () =>
      this.#write.run(place, bytes, files, unread, elsewhere, begunAt, endedAt),
    )
  }
}
