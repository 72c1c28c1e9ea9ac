import type { RepositoryContents } from "../../../storage/survey/index.js"

/** What was begun and holds nothing is no repository, and is not declared by itself. */
export function isHalfMade({ error }: Pick<RepositoryContents, "error">): boolean {
  return error?.code === "not_a_repository" || error?.code === "empty"
}
