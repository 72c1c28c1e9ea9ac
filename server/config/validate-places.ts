import { overlap, parseNamespaceRules, pathsMeet } from "../../storage/identity/index.js"
import type { RepositoryEntry } from "./document.js"
import type { Fault } from "./merge.js"

/** Two repositories in one place, or one inside the other, would each take the other's files for damage. */
export function placeFaults(repositories: readonly RepositoryEntry[]): Fault[] {
  return repositories.flatMap((repository, at) => {
    const other = repositories.slice(0, at).find((one) => placesMeet(one, repository))
    return other === undefined
      ? []
      : [
          {
            path: ["repositories", repository.name, "path"],
            message: `this place and that of repository ${other.name} lie in one another; each needs its own`,
          },
        ]
  })
}

function placesMeet(one: RepositoryEntry, other: RepositoryEntry): boolean {
  if (one.place.kind !== "store" || other.place.kind !== "store" || one.place.store !== other.place.store) {
    return false
  }
  return pathsMeet(one.place.path, other.place.path) && !dividedByNamespace(one, other)
}

/** One tree of repositories, one for each volume, may be declared in parts: they often have different passwords. */
function dividedByNamespace(one: RepositoryEntry, other: RepositoryEntry): boolean {
  const [left, right] = [pathOf(one), pathOf(other)]
  if (left !== right || !left.includes("{namespace}")) return false
  return overlap(parseNamespaceRules(one.namespaces), parseNamespaceRules(other.namespaces)) === undefined
}

function pathOf({ place }: RepositoryEntry): string {
  return place.kind === "store" ? place.path : ""
}
