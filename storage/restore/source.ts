import type { FileContents } from "../contents.js"
import { StorageError } from "../errors.js"

/** A disk that answers nothing any more would fail each file of millions by itself. */
const MOST_IN_A_ROW = 50
const ofTheDisk = new Set(["io", "timeout", "unreadable"])

/** The contents that are read from, opened anew once when a prune took them away under the reader. */
export class Source {
  #contents: FileContents
  readonly #reopen: (() => Promise<FileContents>) | undefined
  #opening: Promise<boolean> | undefined
  #reopened = false
  #inARow = 0

  constructor(contents: FileContents, reopen?: () => Promise<FileContents>) {
    this.#contents = contents
    this.#reopen = reopen
  }

  get reopened(): boolean {
    return this.#reopened
  }

  /** The failure that shows that nothing more can be read; undefined as long as it goes. */
  isDead(error: StorageError): boolean {
    return ofTheDisk.has(error.code) && this.#inARow >= MOST_IN_A_ROW
  }

  /** Reads something; a second time, from its start, when it was `missing` and the contents could be opened anew. */
  async use<T>(act: (contents: FileContents) => Promise<T>): Promise<T> {
    try {
      return await this.#tell(act)
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "missing") throw error
      if (!(await this.#renew())) throw error
      return await this.#tell(act)
    }
  }

  async #tell<T>(act: (contents: FileContents) => Promise<T>): Promise<T> {
    try {
      const read = await act(this.#contents)
      this.#inARow = 0
      return read
    } catch (error) {
      if (error instanceof StorageError && ofTheDisk.has(error.code)) this.#inARow++
      throw error
    }
  }

  /** Several readers may notice at once. */
  #renew(): Promise<boolean> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<boolean> {
    if (this.#reopen === undefined) return false
    try {
      this.#contents = await this.#reopen()
      this.#reopened = true
      return true
    } catch (error) {
      if (error instanceof StorageError) return false
      throw error
    }
  }
}
