import { volumesAt } from "../../../storage/identity/index.js"
import { type FleetRepository, indexOf, isPerVolume } from "../../answers/index.js"
import type { Catalog } from "../../catalog/index.js"
import type { VolumeKey } from "../../db/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { volumeOf } from "./snapshot-rows.js"

/** Whose volumes lie in a place, as far as names tell. */
export class TouchedVolumes {
  readonly #keeper: FleetKeeper
  readonly #catalog: Catalog

  constructor(keeper: FleetKeeper, catalog: Catalog) {
    this.#keeper = keeper
    this.#catalog = catalog
  }

  in(place: string): VolumeKey[] {
    const repository = this.#keeper.repositoryAt(place)
    if (repository === undefined) return []
    const { cluster } = repository.entry
    if (isPerVolume(repository)) return this.#own(repository, place)
    const generation = this.#catalog.view(place)?.generation
    const names = generation && indexOf(generation, repository).sources?.volumes()
    return (names ?? []).map(({ namespace, pvc }) => ({ cluster, namespace, pvc }))
  }

  of(place: string, identity: string): VolumeKey[] {
    const repository = this.#keeper.repositoryAt(place)
    if (repository === undefined) return []
    if (isPerVolume(repository)) return this.#own(repository, place)
    const summary = this.#catalog.view(place)?.generation?.identities.get(identity)
    const volume = summary && volumeOf(repository, summary.newest[0])
    return volume === undefined ? [] : [{ cluster: repository.entry.cluster, ...volume }]
  }

  #own(repository: FleetRepository, place: string): VolumeKey[] {
    const { template, entry } = repository
    const path = this.#keeper.pathAt(repository, place)
    const own = path === undefined || template === undefined ? undefined : volumesAt(template, path)[0]
    return own === undefined ? [] : [{ cluster: entry.cluster, namespace: own.namespace, pvc: own.pvc }]
  }
}
