import type { Document, RepositoryEntry } from "./document.js"
import type { Fault } from "./merge.js"
import { identityFaults } from "./validate-identity.js"
import { networkFaults } from "./validate-networks.js"

/** Everything in a whole document that contradicts itself. Pure: whether a directory is there is not asked. */
export function validateDocument(document: Document): Fault[] {
  return [
    ...storeFaults(document),
    ...networkFaults(document.clusters),
    ...referenceFaults(document),
    ...placeFaults(document.repositories),
    ...identityFaults(document.repositories),
  ]
}

function storeFaults({ stores }: Document): Fault[] {
  return stores.flatMap((store, at) => {
    const twin = stores.slice(0, at).find((other) => other.path === store.path)
    return twin === undefined
      ? []
      : [{ path: ["stores", store.name, "path"], message: `store ${twin.name} is this directory already` }]
  })
}

function referenceFaults(document: Document): Fault[] {
  const stores = new Set(document.stores.map(({ name }) => name))
  const clusters = new Set(document.clusters.map(({ name }) => name))
  const faults: Fault[] = []
  for (const { name, cluster, place } of document.repositories) {
    if (!clusters.has(cluster)) faults.push(missing(["repositories", name, "cluster"], "cluster", cluster))
    if (place.kind === "store" && !stores.has(place.store)) {
      faults.push(missing(["repositories", name, "store"], "store", place.store))
    }
    if (place.kind === "s3") {
      faults.push({
        path: ["repositories", name, "s3"],
        message: "reading repositories in S3 has not landed yet in this version; leave this one out",
      })
    }
  }
  for (const [at, { store, cluster }] of document.exports.entries()) {
    if (!clusters.has(cluster)) faults.push(missing(["exports", at, "cluster"], "cluster", cluster))
    if (!stores.has(store)) faults.push(missing(["exports", at, "store"], "store", store))
  }
  return faults
}

function missing(path: Fault["path"], kind: string, name: string): Fault {
  return { path, message: `there is no ${kind} named ${name}` }
}

/** Two repositories in one place, or one inside the other, would each take the other's files for damage. */
function placeFaults(repositories: readonly RepositoryEntry[]): Fault[] {
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
  const [left, right] = [parts(one.place.path), parts(other.place.path)]
  return left.every((part, at) => {
    const opposite = right[at]
    return opposite === undefined || part === opposite || part.includes("{") || opposite.includes("{")
  })
}

function parts(path: string): string[] {
  return path === "" ? [] : path.split("/")
}
