import type { KopiaBlob } from "./kopia-blobs.js"

/** The live index blobs of a listing, as its marks have them. */
export interface Mark {
  readonly id: string
  readonly length: number
}

/** `repository <uniqueID>`, then `<blob id> <length>` of each live index blob. */
export function renderMarks(repositoryId: string, live: readonly KopiaBlob[]): string[] {
  return [`repository ${repositoryId}`, ...live.map(({ id, length }) => `${id} ${length}`)]
}

/** The marks of an earlier listing of this very repository; none if it was of another, whose blobs say nothing here. */
export function parseMarks(repositoryId: string, marks: readonly string[]): Mark[] {
  const [first, ...rest] = marks
  if (first !== `repository ${repositoryId}`) return []
  return rest.map((mark) => {
    const [id = "", length] = mark.split(" ")
    return { id, length: Number(length) }
  })
}

/**
 * The marks that a listing long after can still judge: a blob of the epoch manager goes away only when names tell why, while
 * what replaced an older kind of index blob is known only by logs that are cleaned away. Undefined: none is left.
 */
export function lastingMarks(marks: readonly string[]): readonly string[] | undefined {
  const [first = "", ...rest] = marks
  const lasting = rest.filter((mark) => /^x[a-z0-9][a-z0-9_-]{0,200} \d{1,15}$/.test(mark))
  return /^repository [0-9a-f]{1,200}$/.test(first) && lasting.length > 0 ? [first, ...lasting] : undefined
}
