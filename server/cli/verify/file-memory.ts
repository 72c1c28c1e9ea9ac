import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { errnoOf } from "../../../storage/errno.js"
import type { VerifyMemory } from "../../../storage/verify/index.js"
import { usageError } from "../cli-error.js"

/** A file of the caller's own, never one in the repository: it is replaced whole. */
export function fileMemory(path: string): VerifyMemory {
  return {
    load() {
      try {
        return Promise.resolve(readFileSync(path))
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return Promise.resolve(undefined)
        throw unusable(path, error)
      }
    },
    save(bytes) {
      try {
        writeFileSync(`${path}.new`, bytes, { mode: 0o600 })
        renameSync(`${path}.new`, path)
        return Promise.resolve()
      } catch (error) {
        throw unusable(path, error)
      }
    },
  }
}

function unusable(path: string, error: unknown): Error {
  return usageError(
    `the memory ${path} cannot be used (${errnoOf(error) ?? "unknown"})`,
    "Choose another file.",
  )
}
