import { parseVolumeKey, type VolumeName, volumeKey } from "../../../storage/identity/index.js"
import {
  type Answerer,
  type FleetRepository,
  indexOf,
  isPerVolume,
  type KnownVolumes,
} from "../../answers/index.js"
import type { VolumeJson } from "../../http/contract/admin.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import type { FleetPlaces } from "./fleet-places.js"

export interface VolumeRowsParts {
  readonly keeper: FleetKeeper
  readonly places: FleetPlaces
  readonly answerer: Answerer
  readonly known: KnownVolumes
}

/** What is shown of the volumes of each cluster. */
export class VolumeRows {
  readonly #parts: VolumeRowsParts

  constructor(parts: VolumeRowsParts) {
    this.#parts = parts
  }

  /** Every volume that was asked for, mapped or seen, by name, with the decision that memory gives. */
  rows(filter: { cluster?: string | undefined; namespace?: string | undefined }): VolumeJson[] {
    const { clusters } = this.#parts.keeper.fleet.document
    const rows = clusters
      .filter(({ name }) => filter.cluster === undefined || filter.cluster === name)
      .flatMap(({ name }) =>
        [...this.#volumesOf(name).values()]
          .filter(({ namespace }) => filter.namespace === undefined || filter.namespace === namespace)
          .map((volume) => this.#row(name, volume)),
      )
    const key = ({ cluster, namespace, pvc }: VolumeJson): string => `${cluster}\0${namespace}\0${pvc}`
    return rows.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
  }

  #volumesOf(cluster: string): Map<string, VolumeName> {
    const { keeper, known } = this.#parts
    const volumes = new Map(known.of(cluster).map((volume) => [volumeKey(volume), volume]))
    for (const repository of keeper.fleet.repositories) {
      if (repository.entry.cluster !== cluster) continue
      for (const volume of this.#seenIn(repository)) volumes.set(volumeKey(volume), volume)
      for (const key of Object.keys(repository.entry.volumes)) volumes.set(key, parseVolumeKey(key))
    }
    return volumes
  }

  #seenIn(repository: FleetRepository): VolumeName[] {
    const { places } = this.#parts
    return places.of(repository).flatMap((view) => {
      if (isPerVolume(repository)) return places.volumeAt(repository, view) ?? []
      return view.generation === undefined
        ? []
        : (indexOf(view.generation, repository).sources?.volumes() ?? [])
    })
  }

  #row(cluster: string, volume: VolumeName): VolumeJson {
    // As of the newest listings: a list of ten thousand volumes cannot look at each of them anew.
    const decision = this.#parts.answerer.decide(
      volume,
      { kind: "certain", name: cluster },
      { mono: -Infinity, wall: -Infinity },
    )
    const { repository, snapshots, newest, oldest, bytes, files, verified, drilled, reason } =
      decision.evidence
    return {
      cluster,
      ...volume,
      decision: decision.decision,
      reason,
      repository,
      identity: decision.source === "" ? null : decision.source,
      snapshots,
      newest,
      oldest,
      bytes,
      files,
      verified,
      drilled,
    }
  }
}
