import { StorageError } from "../errors.js"

/** What an object's id says (kopia-repository-format §12.1). */
export interface ObjectId {
  /** How many indexes are to be followed before the bytes are reached. */
  readonly levels: number
  /** The content is framed by a compression header of its own: format 1. */
  readonly compressed: boolean
  readonly contentId: string
}

/** More levels than any file could need: the engine itself makes two for a terabyte. */
const MOST_LEVELS = 8

/** Throws `corrupt` for what is no object id; `what` names where it was written. */
export function parseObjectId(text: string, what: string): ObjectId {
  const [, levels = "", framed = "", contentId] = /^(I*)(Z?)D?([g-z]?[0-9a-f]{2,})$/.exec(text) ?? []
  if (contentId === undefined || levels.length > MOST_LEVELS || (levels !== "" && framed !== "")) {
    throw new StorageError("corrupt", `${what}: ${JSON.stringify(text.slice(0, 80))} is no object id`)
  }
  return { levels: levels.length, compressed: framed !== "", contentId }
}

/** Whether an object holds the entries of a directory. */
export function isDirectoryObject(text: string): boolean {
  return /^I*Z?D?k/.test(text)
}
