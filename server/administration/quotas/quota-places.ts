import { type VolumeName, volumesAt } from "../../../storage/identity/index.js"
import { StorageError } from "../../../storage/index.js"
import { type FleetRepository, isPerVolume, spotAt, spotOf } from "../../answers/index.js"
import type { Catalog } from "../../catalog/index.js"
import type { StoreEntry } from "../../config/index.js"
import type { DirectoryFilter } from "../directories/filter.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { FleetPlaces } from "../repositories/fleet-places.js"
import { soon } from "../soon.js"

/** A directory of a repository, which may have a limit. */
export interface QuotaSpot {
  /** Stable key: the store's and the path. */
  readonly key: string
  readonly store: StoreEntry
  readonly repository: FleetRepository
  /** Relative to the store. */
  readonly path: string
  readonly directory: string
  readonly volume: VolumeName | null
}

export interface QuotaPlacesParts {
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
}

/** The directories of the declared repositories in stores, in the document's order. What is in a tree is looked for, where that is quick. */
export async function quotaSpots(filter: DirectoryFilter, parts: QuotaPlacesParts): Promise<QuotaSpot[]> {
  const wanted = parts.keeper.fleet.repositories.filter(
    ({ entry, store }) =>
      store !== undefined &&
      (filter.store === undefined || store.name === filter.store) &&
      (filter.repository === undefined || entry.name === filter.repository),
  )
  const spots = wanted.map((repository) => spotsOf(repository, parts))
  return (await Promise.all(spots)).flat()
}

async function spotsOf(repository: FleetRepository, parts: QuotaPlacesParts): Promise<QuotaSpot[]> {
  const { store, template } = repository
  if (store === undefined) return []
  if (!isPerVolume(repository)) {
    const spot = spotOf(repository, { namespace: "any", pvc: "any" })
    return spot === undefined ? [] : [{ ...spotted(repository, store, spot.directory), volume: null }]
  }
  const known = new FleetPlaces(parts.keeper, parts.catalog).of(repository).map(({ spec }) => spec.directory)
  const found = await discovered(repository, store, parts)
  return [...new Set([...known, ...found])].sort().map((directory) => {
    const spot = spotted(repository, store, directory)
    return { ...spot, volume: (template && volumesAt(template, spot.path)[0]) ?? null }
  })
}

function spotted(
  repository: FleetRepository,
  store: StoreEntry,
  directory: string,
): Omit<QuotaSpot, "volume"> {
  const path = directory === store.path ? "" : directory.slice(store.path.length + 1)
  return { key: spotAt(repository, path).place, store, repository, path, directory }
}

/** The directories of a tree of repositories that are there at this moment, known already or not. */
async function discovered(
  repository: FleetRepository,
  store: StoreEntry,
  { keeper, catalog }: QuotaPlacesParts,
): Promise<string[]> {
  const family = keeper.catalogSpec().families.find(({ name }) => name === repository.entry.name)
  if (family === undefined || catalog.stores.hang(store.name) !== undefined) return []
  const { root, depth } = family
  const looking = catalog.stores.discover(store.name, { root, depth }).catch((error: unknown) => {
    // There is no tree yet, or a part of it cannot be read: what is known of it is told all the same.
    if (error instanceof StorageError) return []
    throw error
  })
  return ((await soon(looking)) ?? []).flatMap((path) => family.specFor(path)?.directory ?? [])
}
