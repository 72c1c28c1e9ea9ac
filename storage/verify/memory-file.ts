import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { errnoOf } from "../errno.js"
import type { VerifyMemory } from "./types.js"

/**
 * A memory in a file of its own, never one in a repository. It is replaced whole: after a crash it is the old or the new one. Throws what
 * the filesystem fails with.
 */
export function memoryFile(path: string): VerifyMemory {
  return {
    load: () => Promise.resolve().then(() => contentOf(path)),
    save: (bytes) =>
      Promise.resolve().then(() => {
        replace(path, bytes)
      }),
  }
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined
    throw error
  }
}

function replace(path: string, bytes: Uint8Array): void {
  const fresh = `${path}.new`
  try {
    const file = openSync(fresh, "w", 0o600)
    try {
      writeFileSync(file, bytes)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(fresh, path)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
  const folder = openSync(dirname(path), "r")
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
