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
