import { StorageError } from "../errors.js"
import { LONGEST_CONTENT } from "../longest-content.js"
import type { IndexEntry } from "./index-entry.js"

/** Throws `corrupt` for a content that its index says to be longer than the engine makes one, before any memory is taken for it. */
export function refuseTooLong(
  {
    contentId,
    packedLength,
    originalLength,
  }: Pick<IndexEntry, "contentId" | "packedLength" | "originalLength">,
  file: string,
): void {
  if (Math.max(packedLength, originalLength) <= LONGEST_CONTENT) return
  throw new StorageError("corrupt", `${file}: content ${contentId} is longer than any engine makes one`, {
    facts: { file, content: contentId },
  })
}
