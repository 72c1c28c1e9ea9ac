import { join } from "node:path"
import { safeParts } from "../../../storage/disk/index.js"
import {
  parseVolumeName,
  type PathTemplate,
  servesNamespace,
  volumesAt,
} from "../../../storage/identity/index.js"
import { isAround } from "../../../storage/nfs/index.js"
import {
  type Fleet,
  type FleetRepository,
  isPerVolume,
  repositoriesFor,
  spotOf,
} from "../../answers/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { DirectoryTarget } from "../../http/contract/directories.js"
import { HttpError } from "../../http/index.js"

/** A directory that a request is about. */
export interface Target {
  readonly store: StoreEntry
  /** Relative to the store; "" is the store itself, where that is a repository. */
  readonly path: string
  readonly directory: string
}

/** Finds the directory that a request names. Throws HttpError, and StorageError `invalid` for a path that is none. */
export function targetOf(request: DirectoryTarget, fleet: Fleet): Target {
  const { store, path, namespace, pvc } = request
  if (namespace !== undefined && pvc !== undefined && path === undefined) return ofVolume(request, fleet)
  if (store === undefined || path === undefined || namespace !== undefined || pvc !== undefined) {
    throw new HttpError(
      400,
      "which_directory",
      "A directory is named by store and path, or by namespace and PVC.",
    )
  }
  const found = fleet.document.stores.find(({ name }) => name === store)
  if (found === undefined) throw new HttpError(404, "not_found", `No store is called ${store}.`)
  if (path !== "") safeParts(path)
  return targetAt(found, path)
}

function ofVolume(request: DirectoryTarget, fleet: Fleet): Target {
  const { namespace = "", pvc = "" } = request
  const volume = parseVolumeName(namespace, pvc)
  const clusters = fleet.document.clusters.map(({ name }) => name)
  const cluster = request.cluster ?? (clusters.length === 1 ? clusters[0] : undefined)
  if (request.repository === undefined && (cluster === undefined || !clusters.includes(cluster))) {
    throw new HttpError(400, "which_cluster", "It must be said of which cluster the volume is.", {
      hint: `Name one with --cluster: ${clusters.join(", ")}.`,
    })
  }
  const repository =
    request.repository === undefined
      ? repositoriesFor(fleet, cluster ?? "", volume.namespace).restore
      : fleet.repositories.find(({ entry }) => entry.name === request.repository)
  if (repository?.store === undefined) {
    const what = request.repository ?? `that restores ${namespace}/${pvc}`
    throw new HttpError(404, "not_found", `There is no repository ${what} in a store.`, {
      hint: "Name one with --repository; `cistern repositories` lists them.",
    })
  }
  const { entry, store } = repository
  if (!isPerVolume(repository)) {
    const path = entry.place.kind === "store" ? entry.place.path : ""
    throw new HttpError(400, "which_directory", `${entry.name} is one repository for all its volumes.`, {
      hint: `Name its directory: ${store.name}:${path}.`,
    })
  }
  const spot = spotOf(repository, volume)
  if (spot === undefined) {
    throw new HttpError(404, "not_found", `${entry.name} has no place for ${namespace}/${pvc}.`, {
      hint: "Its namespaceMap, or its volumes, must name it.",
    })
  }
  const path = spot.directory.slice(store.path.length + 1)
  safeParts(path)
  return targetAt(store, path)
}

export function targetAt(store: StoreEntry, path: string): Target {
  return { store, path, directory: path === "" ? store.path : join(store.path, path) }
}

/** How a directory stands to a declared repository. */
export interface Relation {
  readonly repository: FleetRepository
  /** `is`: it is the repository's directory. `in`: it lies in one. `leads`: it lies above it, or above some of them. */
  readonly kind: "is" | "in" | "leads"
}

/** The declared repositories in a directory, around it, or that it is. */
export function relationsOf({ store, path }: Pick<Target, "store" | "path">, fleet: Fleet): Relation[] {
  return fleet.repositories
    .filter((repository) => repository.store?.name === store.name)
    .flatMap((repository): Relation[] => {
      const kind = relationTo(repository, path)
      return kind === undefined ? [] : [{ repository, kind }]
    })
}

function relationTo(repository: FleetRepository, path: string): Relation["kind"] | undefined {
  const { entry, template } = repository
  if (template?.perVolume !== true) {
    return relationOfPaths(entry.place.kind === "store" ? entry.place.path : "", path)
  }
  return (
    relationToTree(repository, template, path) ??
    Object.values(entry.volumes)
      .map((said) => relationOfPaths((typeof said === "string" ? said : said.read) ?? "", path))
      .find((kind) => kind !== undefined)
  )
}

function relationToTree(
  { rules }: FleetRepository,
  template: PathTemplate,
  path: string,
): Relation["kind"] | undefined {
  const parts = path === "" ? [] : path.split("/")
  const depth = template.segments.length
  if (parts.length < depth) {
    const leads = parts.every((part, at) => (literalOf(template.segments[at]) ?? part) === part)
    return leads ? "leads" : undefined
  }
  const volumes = volumesAt(template, parts.slice(0, depth).join("/"))
  if (!volumes.some(({ namespace }) => servesNamespace(rules, namespace))) return undefined
  return parts.length === depth ? "is" : "in"
}

/** What a part of the path is for every volume; undefined where it depends on the volume. */
function literalOf(segment: PathTemplate["segments"][number] = []): string | undefined {
  const texts = segment.flatMap((part) => (part.kind === "literal" ? part.text : []))
  return texts.length === segment.length ? texts.join("") : undefined
}

function relationOfPaths(repository: string, path: string): Relation["kind"] | undefined {
  const [place, asked] = [absolute(repository), absolute(path)]
  if (place === asked) return "is"
  if (isAround(place, asked)) return "in"
  return isAround(asked, place) ? "leads" : undefined
}

function absolute(path: string): string {
  return path === "" ? "/" : `/${path}`
}
