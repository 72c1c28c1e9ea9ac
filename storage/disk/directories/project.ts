import { closeSync, constants, openSync } from "node:fs"
import { fileError } from "../../blobs/index.js"
import { StorageError } from "../../errors.js"
import { lsattrProject } from "../../host/index.js"

/**
 * Whether a directory belongs to a project, whose quota is counted by it: a directory from elsewhere cannot be moved there (EXDEV), and
 * one that takes its place would not be counted. False where nobody can tell: then a move fails, and nothing is lost.
 */
export async function isInProject(path: string): Promise<boolean> {
  const descriptor = opened(path)
  try {
    const answer = await lsattrProject({ descriptor, path })
    return Number(/^\s*(\d+)\s/.exec(answer)?.[1] ?? 0) !== 0
  } catch (error) {
    if (error instanceof StorageError && (error.code === "missing" || error.code === "unsupported"))
      return false
    throw error
  } finally {
    closeSync(descriptor)
  }
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (cause) {
    throw fileError(cause, path, path)
  }
}
