import type Database from "better-sqlite3"
import type { ProjectIds } from "../../storage/disk/index.js"
import { DatabaseError, translated } from "./errors.js"

/**
 * The range is ours by choice alone, as there is nobody who gives them out: far above the numbers that people, containers and
 * Kubernetes begin with, and below 2^31, at which some tools end.
 */
export const FIRST_PROJECT = 1_129_513_984
export const LAST_PROJECT = FIRST_PROJECT + 16_777_215

/** Numbers of projects, each for one directory, and for no other one ever. */
export class ProjectIdTable implements ProjectIds {
  readonly #read
  readonly #last
  readonly #add
  readonly #release
  readonly #connection: Database.Database

  constructor(connection: Database.Database) {
    this.#connection = connection
    this.#read = connection
      .prepare<[string], number>("SELECT number FROM project_id WHERE path = ? AND released_at IS NULL")
      .pluck()
    this.#last = connection.prepare<[], number | null>("SELECT MAX(number) FROM project_id").pluck()
    this.#add = connection.prepare<[number, string, number]>("INSERT INTO project_id VALUES (?, ?, ?, NULL)")
    this.#release = connection.prepare<[number, string]>(
      "UPDATE project_id SET released_at = ? WHERE path = ? AND released_at IS NULL",
    )
  }

  /** Throws DatabaseError; also where the range is used up. */
  take(path: string): number {
    return translated("taking a project's number", () =>
      this.#connection
        .transaction(() => {
          const known = this.#read.get(path)
          if (known !== undefined) return known
          const number = Math.max(this.#last.get() ?? 0, FIRST_PROJECT - 1) + 1
          if (number > LAST_PROJECT)
            throw new DatabaseError("full", "all numbers for projects were given out", {
              hint: "Limit directories by hand, with numbers of your own.",
            })
          this.#add.run(number, path, Date.now())
          return number
        })
        .immediate(),
    )
  }

  release(path: string): void {
    translated("releasing a project's number", () => this.#release.run(Date.now(), path))
  }
}
