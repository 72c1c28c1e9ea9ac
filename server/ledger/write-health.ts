import { DatabaseError } from "../db/index.js"

/**
 * What the daemon notices by itself must go on being noticed when the state cannot be written, on a full disk above all: it
 * stays in memory, is tried again with the next write, and the failure can be seen here. What a person asks for is different:
 * that fails, because they are told that it is done.
 */
export class WriteHealth {
  #error: DatabaseError | undefined

  /** Why the latest write did not reach the disk. Undefined when it did. */
  get lastWriteError(): DatabaseError | undefined {
    return this.#error
  }

  /** Whether `write` reached the disk. Anything but a DatabaseError is a bug and passes. */
  attempt(write: () => void): boolean {
    try {
      write()
      this.#error = undefined
      return true
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      this.#error = error
      return false
    }
  }
}
