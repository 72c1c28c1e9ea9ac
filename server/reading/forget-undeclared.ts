import type { ReadingParts, RepositorySubject } from "./parts.js"

/** What a kind of job keeps of places besides findings. */
export interface KeptPlaces {
  readonly places: () => readonly string[]
  readonly removePlace: (place: string) => void
}

/** Closes what a job told of places that no declaration covers any more, and forgets what it keeps of them. Throws DatabaseError. */
export function forgetUndeclared(
  { placeOf, findings }: Pick<ReadingParts, "placeOf" | "findings">,
  source: string,
  subject: RepositorySubject,
  kept: KeptPlaces,
): void {
  const isDeclared = (place: string): boolean => placeOf({ ...subject, place }) !== undefined
  for (const place of kept.places()) if (!isDeclared(place)) kept.removePlace(place)
  findings.onlyScopes(source, [...findings.scopes(source).filter(isDeclared), subject.place])
}
