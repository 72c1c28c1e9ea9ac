import type { RepositoriesJson, SnapshotsJson, VolumesJson } from "../../http/contract/admin.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { FleetPlaces } from "./fleet-places.js"
import { RepositoryRows, type RepositoryRowsParts } from "./repository-rows.js"
import { type SnapshotFilter, SnapshotRows, type SnapshotRowsParts } from "./snapshot-rows.js"
import { VolumeRows, type VolumeRowsParts } from "./volume-rows.js"

export type ViewsParts = Omit<RepositoryRowsParts & SnapshotRowsParts & VolumeRowsParts, "places"> & {
  readonly catalog: ConstructorParameters<typeof FleetPlaces>[1]
}

/** What the administrator is shown of repositories, volumes and snapshots. From memory; nothing here waits for a disk. */
export class AdministratorViews {
  readonly #keeper: FleetKeeper
  readonly #repositories: RepositoryRows
  readonly #volumes: VolumeRows
  readonly #snapshots: SnapshotRows

  constructor(parts: ViewsParts) {
    const places = new FleetPlaces(parts.keeper, parts.catalog)
    this.#keeper = parts.keeper
    this.#repositories = new RepositoryRows({ ...parts, places })
    this.#volumes = new VolumeRows({ ...parts, places })
    this.#snapshots = new SnapshotRows({ ...parts, places })
  }

  repositories(): RepositoriesJson {
    return {
      repositories: this.#keeper.fleet.repositories.map((repository) => this.#repositories.row(repository)),
    }
  }

  volumes(filter: { cluster?: string | undefined; namespace?: string | undefined }): VolumesJson {
    const uncertain = this.repositories().repositories.filter(({ state }) => state !== "ok")
    return { volumes: this.#volumes.rows(filter), uncertain: uncertain.map(({ name }) => name) }
  }

  snapshots(filter: SnapshotFilter): Promise<SnapshotsJson> {
    return this.#snapshots.rows(filter)
  }
}
