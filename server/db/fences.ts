import type Database from "better-sqlite3"
import { translated } from "./errors.js"

export interface StoredFence {
  /** The FenceRecord as JSON. */
  readonly record: string
  readonly takenAt: number
  readonly takenBy: string
}

/** A store's own filesystem, the one under a repository's path, and one that is mounted in an exported directory. */
export type FenceKind = "store" | "place" | "mount"

/** What a fence of kind "mount" is named. */
export function mountName(store: string, mountPoint: string): string {
  return `${store}:${mountPoint}`
}

/** What is remembered of filesystems. */
export class Fences {
  readonly #read
  readonly #write
  readonly #remove
  readonly #names

  constructor(connection: Database.Database) {
    this.#read = connection.prepare<[string, string], StoredFence>(
      "SELECT record, taken_at AS takenAt, taken_by AS takenBy FROM fence WHERE kind = ? AND name = ?",
    )
    this.#write = connection.prepare<[string, string, string, number, string]>(
      `INSERT INTO fence VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE
       SET record = excluded.record, taken_at = excluded.taken_at, taken_by = excluded.taken_by`,
    )
    this.#remove = connection.prepare<[string, string]>("DELETE FROM fence WHERE kind = ? AND name = ?")
    this.#names = connection
      .prepare<[string], string>("SELECT name FROM fence WHERE kind = ? ORDER BY name")
      .pluck()
  }

  get(kind: FenceKind, name: string): StoredFence | undefined {
    return translated("reading a fence", () => this.#read.get(kind, name))
  }

  put(kind: FenceKind, name: string, fence: StoredFence): void {
    translated("saving a fence", () =>
      this.#write.run(kind, name, fence.record, fence.takenAt, fence.takenBy),
    )
  }

  remove(kind: FenceKind, name: string): void {
    translated("removing a fence", () => this.#remove.run(kind, name))
  }

  names(kind: FenceKind): string[] {
    return translated("reading the fences", () => this.#names.all(kind))
  }
}
