import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { replaceFile } from "../../disk/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { readOwnFile } from "../own-file.js"
import { textOf } from "../text-of.js"
import { type GaneshaRecord, recordOfForeignLines, recordOfLines, renderGaneshaFile } from "./record.js"

/** The one file of NFS-Ganesha's configuration that is ours. */
export class GaneshaOwnFile {
  readonly path: string
  readonly #owner: string

  constructor(owner: string, path: string) {
    this.#owner = owner
    this.path = path
  }

  /** Its text; undefined where there is none. Throws StorageError `unreadable`, `io`. */
  text(): string | undefined {
    return textOf(this.path)
  }

  /** Undefined where it is not as we left it. Throws as text() does. */
  record(): GaneshaRecord | undefined {
    try {
      return this.checked()
    } catch (error) {
      if (error instanceof StorageError && error.code === "invalid") return undefined
      throw error
    }
  }

  /** Throws StorageError `invalid` where it is not as we left it, which says whose it is, and as text() does. */
  checked(): GaneshaRecord {
    return recordOfLines(readOwnFile(this.#owner, this.path, this.text()))
  }

  /** What may be ours of one that is not as we left it. Throws as text() does. */
  guessed(): GaneshaRecord {
    return recordOfForeignLines((this.text() ?? "").split("\n"))
  }

  put(record: GaneshaRecord): void {
    this.putText(renderGaneshaFile(this.#owner, record))
  }

  /** Throws StorageError `unreadable` when it cannot be written. */
  putText(text: string): void {
    try {
      if (this.text() === text) return
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o755 })
      replaceFile(this.path, text, { mode: 0o644 })
    } catch (cause) {
      throw new StorageError(
        "unreadable",
        `${this.path} cannot be written (${errnoOf(cause) ?? "unknown"})`,
        {
          facts: { file: this.path },
          hint: "Run the daemon as root.",
          cause,
        },
      )
    }
  }
}
