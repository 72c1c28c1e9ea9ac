import { readFileSync } from "node:fs"
import { fileError } from "../blobs/index.js"
import { errnoOf } from "../errno.js"

/** The text of a file; undefined where there is none. Throws StorageError `unreadable`, `io`. */
export function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined
    throw fileError(cause, file, file)
  }
}
