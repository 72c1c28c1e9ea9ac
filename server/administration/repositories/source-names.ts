import { explain, formatIdentity, isPodName, volumesAt } from "../../../storage/identity/index.js"
import type { SnapshotSource } from "../../../storage/index.js"
import { type FleetRepository, isPerVolume } from "../../answers/index.js"
import type { VolumeKey } from "../../db/index.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import { volumeOf } from "./snapshot-rows.js"

/** Whose backups a source in a repository is, by its name alone: also of one that no listing of the catalog has shown yet. */
export class SourceNames {
  readonly #keeper: FleetKeeper

  constructor(keeper: FleetKeeper) {
    this.#keeper = keeper
  }

  /** Of every repository that is declared there. */
  volumes(place: string, source: SnapshotSource): VolumeKey[] {
    return this.#at(place).flatMap((repository): VolumeKey[] => {
      const { cluster } = repository.entry
      const volume = isPerVolume(repository) ? this.#own(repository, place) : volumeOf(repository, { source })
      return volume === undefined ? [] : [{ cluster, namespace: volume.namespace, pvc: volume.pvc }]
    })
  }

  /** Whether a declared name may be this one's. What a mover wrote under its pod's name is no stranger's. */
  isExpected(place: string, source: SnapshotSource): boolean {
    const { user, host, paths } = source
    const identity = { user, host, path: paths[0] ?? "" }
    if (isPodName(host)) return true
    const text = formatIdentity(identity)
    return this.#at(place).some(({ naming }) => {
      if (naming === undefined) return true
      const { owners, dismissed } = naming.claims
      return owners.has(text) || dismissed.has(text) || explain(identity, naming).length > 0
    })
  }

  #at(place: string): FleetRepository[] {
    return this.#keeper.fleet.repositories.filter(
      (repository) => this.#keeper.pathAt(repository, place) !== undefined,
    )
  }

  #own(repository: FleetRepository, place: string) {
    const path = this.#keeper.pathAt(repository, place)
    return path === undefined || repository.template === undefined
      ? undefined
      : volumesAt(repository.template, path)[0]
  }
}
