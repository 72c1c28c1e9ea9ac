import { errnoOf } from "../../../storage/errno.js"
import { memoryFile, type VerifyMemory } from "../../../storage/verify/index.js"
import { usageError } from "../cli-error.js"

/** A file of the caller's own, never one in the repository: it is replaced whole. */
export function fileMemory(path: string): VerifyMemory {
  const memory = memoryFile(path)
  const unusable = (error: unknown): never => {
    throw usageError(
      `the memory ${path} cannot be used (${errnoOf(error) ?? "unknown"})`,
      "Choose another file.",
    )
  }
  return {
    load: () => memory.load().catch(unusable),
    save: (bytes) => memory.save(bytes).catch(unusable),
  }
}
