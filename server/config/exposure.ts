import { join, relative } from "node:path"
import {
  parseNamespaceRules,
  parsePathTemplate,
  type PlaceRelation,
  relationTo,
} from "../../storage/identity/index.js"
import { isAround } from "../../storage/nfs/index.js"
import type { RepositoryEntry } from "./document.js"

/** A repository of another cluster that the clients of an export would reach. */
export interface Exposure {
  readonly repository: RepositoryEntry
  /** How the exported directory lies to it. */
  readonly relation: PlaceRelation
}

/**
 * The repositories of other clusters that whoever mounts `directory` for `cluster` reaches. `rootOf` gives a store's directory,
 * absolute and normal as `directory` is. Pure; the declarations must be valid.
 */
export function exposuresOf(
  { directory, cluster }: { readonly directory: string; readonly cluster: string },
  repositories: readonly RepositoryEntry[],
  rootOf: (store: string) => string | undefined,
): Exposure[] {
  return repositories.flatMap((repository) => {
    if (repository.cluster === cluster || repository.place.kind !== "store") return []
    const root = rootOf(repository.place.store)
    const relation = root === undefined ? undefined : relationOf(directory, root, repository)
    return relation === undefined ? [] : [{ repository, relation }]
  })
}

/** One sentence, without its end. */
export function exposureSentence({ repository, relation }: Exposure): string {
  const place =
    relation === "is" ? "is the place" : relation === "holds" ? "holds the place" : "lies in the place"
  return `it ${place} of repository ${repository.name}, which belongs to cluster ${repository.cluster}`
}

export const EXPOSURE_HINT =
  "Export only directories that hold nothing of another cluster; what two clusters keep side by side needs a directory for each."

function relationOf(directory: string, root: string, repository: RepositoryEntry): PlaceRelation | undefined {
  const mapped = mappedDirectories(repository).map((path) => relationOfPaths(directory, join(root, path)))
  return ofTemplate(directory, root, repository) ?? mapped.find((relation) => relation !== undefined)
}

function ofTemplate(directory: string, root: string, repository: RepositoryEntry): PlaceRelation | undefined {
  const { place, cluster, namespaces, namespaceMap } = repository
  const path = place.kind === "store" ? place.path : ""
  if (directory !== root && isAround(directory, root)) return "holds"
  if (!isAround(root, directory)) return undefined
  const template = path === "" ? undefined : parsePathTemplate({ path, cluster, namespaceOf: namespaceMap })
  return relationTo(template, parseNamespaceRules(namespaces), relative(root, directory))
}

/** restic's volumes that an administrator mapped to directories of their own. */
function mappedDirectories({ engine, volumes }: RepositoryEntry): string[] {
  if (engine !== "restic") return []
  return Object.values(volumes).flatMap((volume) => (typeof volume === "string" ? [volume] : []))
}

function relationOfPaths(directory: string, place: string): PlaceRelation | undefined {
  if (directory === place) return "is"
  if (isAround(directory, place)) return "holds"
  return isAround(place, directory) ? "lies in" : undefined
}
