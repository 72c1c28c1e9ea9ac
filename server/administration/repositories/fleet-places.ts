import { volumesAt, type VolumeName } from "../../../storage/identity/index.js"
import { type FleetRepository, isPerVolume } from "../../answers/index.js"
import type { Catalog, PlaceView } from "../../catalog/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"

/** Which directories belong to which declared repository, and what is known of them. */
export class FleetPlaces {
  readonly #keeper: FleetKeeper
  readonly #catalog: Catalog

  constructor(keeper: FleetKeeper, catalog: Catalog) {
    this.#keeper = keeper
    this.#catalog = catalog
  }

  of(repository: FleetRepository): PlaceView[] {
    return this.#catalog
      .views()
      .filter(({ spec }) => this.#keeper.pathAt(repository, spec.place) !== undefined)
  }

  /** The volume whose own repository this is; undefined in a repository that many share. */
  volumeAt(repository: FleetRepository, { spec }: PlaceView): VolumeName | undefined {
    const path = this.#keeper.pathAt(repository, spec.place)
    if (!isPerVolume(repository) || path === undefined || repository.template === undefined) return undefined
    return volumesAt(repository.template, path)[0]
  }
}
