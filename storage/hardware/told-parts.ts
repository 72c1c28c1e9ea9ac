import { StorageError } from "../errors.js"

/** What a NAS system tells, asked for one part after another. What it does not tell is undefined, and `problems` say why, once each. */
export class ToldParts {
  readonly problems: StorageError[] = []
  readonly #isLast: (error: StorageError) => boolean
  #isOver = false

  /** `isLast`: after that error nothing more is asked. */
  constructor(isLast: (error: StorageError) => boolean) {
    this.#isLast = isLast
  }

  async ask<T>(part: () => Promise<T>): Promise<T | undefined> {
    if (this.#isOver) return undefined
    try {
      return await part()
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      // A login that was refused is refused for each of them.
      if (this.problems.every(({ message }) => message !== error.message)) this.problems.push(error)
      this.#isOver = this.#isLast(error)
      return undefined
    }
  }
}
