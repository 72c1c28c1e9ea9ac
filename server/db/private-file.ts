import { closeSync, mkdirSync, openSync } from "node:fs"
import { errnoOf } from "../../storage/errno.js"
import { DatabaseError } from "./errors.js"

/** Creates the file, readable by its owner only, where it is not there. SQLite gives its journals the same mode. */
export function privateFile(file: string): void {
  attempt(file, () => {
    closeSync(openSync(file, "a", 0o600))
  })
}

/** Creates the directory, and those above it, for its owner only. One that is there keeps its mode. */
export function privateDirectory(directory: string): void {
  attempt(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  })
}

function attempt(path: string, work: () => void): void {
  try {
    work()
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    if (errno === "ENOSPC" || errno === "EDQUOT") {
      throw new DatabaseError("full", `${path}: the filesystem has no space left`, {
        hint: "Make room under the state directory.",
        cause,
      })
    }
    throw new DatabaseError(errno === "EIO" ? "io" : "denied", `${path} cannot be created (${errno})`, {
      hint: "Set CISTERN_STATE to a directory that the daemon's user may write.",
      cause,
    })
  }
}
