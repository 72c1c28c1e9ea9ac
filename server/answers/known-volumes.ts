import { claimantsOf, type Claimants, type VolumeName, volumeKey } from "../../storage/identity/index.js"
import type { FleetRepository } from "./fleet.js"

/** A cluster that asks for ever new names must not fill our memory. The ledger notes no more either. */
const MOST_VOLUMES = 100_000

/** The volumes that clusters ever asked for, and which identities they may write to. */
export class KnownVolumes {
  readonly #byCluster = new Map<string, Map<string, VolumeName>>()
  readonly #claimants = new Map<FleetRepository, Map<string, string[]>>()
  #version = 0

  /** Grows with each volume that was not known before. */
  get version(): number {
    return this.#version
  }

  /** Cheap when the volume is known already: it is called for each request. */
  add(cluster: string, volume: VolumeName): void {
    const key = volumeKey(volume)
    let volumes = this.#byCluster.get(cluster)
    if (volumes === undefined) this.#byCluster.set(cluster, (volumes = new Map<string, VolumeName>()))
    if (volumes.has(key) || volumes.size >= MOST_VOLUMES) return
    volumes.set(key, volume)
    this.#version++
    for (const [repository, claimants] of this.#claimants) {
      if (repository.entry.cluster === cluster) merge(claimants, repository, [volume])
    }
  }

  has(cluster: string, key: string): boolean {
    return this.#byCluster.get(cluster)?.has(key) ?? false
  }

  of(cluster: string): readonly VolumeName[] {
    return [...(this.#byCluster.get(cluster)?.values() ?? [])]
  }

  /** Who may write to which identity of a Kopia repository. */
  claimants(repository: FleetRepository): Claimants {
    let claimants = this.#claimants.get(repository)
    if (claimants === undefined) {
      claimants = new Map<string, string[]>()
      merge(claimants, repository, this.of(repository.entry.cluster))
      this.#claimants.set(repository, claimants)
    }
    return claimants
  }

  /** Forgets what was worked out for declarations that are no more. */
  redeclared(): void {
    this.#claimants.clear()
  }
}

function merge(
  into: Map<string, string[]>,
  { naming }: FleetRepository,
  volumes: readonly VolumeName[],
): void {
  if (naming === undefined) return
  for (const [identity, keys] of claimantsOf(volumes, naming)) {
    const there = into.get(identity) ?? []
    into.set(identity, [...there, ...keys.filter((key) => !there.includes(key))])
  }
}
