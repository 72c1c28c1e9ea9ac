import { volumesAt } from "../../storage/identity/index.js"
import { type FleetRepository, indexOf, isPerVolume, type LedgerMemory, storeOf } from "../answers/index.js"
import type { Catalog } from "../catalog/index.js"
import type { VolumeKey } from "../db/index.js"
import {
  checkSource,
  damageSource,
  directorySource,
  exportSource,
  type FindingSource,
  hardwareSource,
  quotaSource,
  repositorySource,
  type SnapshotIntegrity,
  storeAdviceSource,
  storeSource,
} from "../findings/index.js"
import type { CheckJson } from "../http/contract/admin.js"
import type { Ledger } from "../ledger/index.js"
import type { FleetKeeper } from "./fleet-keeper.js"
import type { LocalAdministration } from "./local-administration.js"
import { FleetPlaces } from "./repositories/fleet-places.js"
import { volumeOf } from "./repositories/snapshot-rows.js"

export interface FindingSourcesParts {
  readonly administration: LocalAdministration
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly ledger: Ledger
  readonly memory: Pick<LedgerMemory, "pinOf" | "everSeen">
  readonly integrity: SnapshotIntegrity
  readonly ledgerCopies: () => readonly CheckJson[]
}

/** Everything that the daemon already looks at and that may be wrong. */
export function findingSources(parts: FindingSourcesParts): FindingSource[] {
  const { administration, keeper, catalog, ledger, memory, integrity, ledgerCopies } = parts
  const volumes = new TouchedVolumes(keeper, catalog)
  const places = new FleetPlaces(keeper, catalog)
  const volumesIn = (place: string): VolumeKey[] => volumes.in(place)
  const volumesOf = (place: string, identity: string): VolumeKey[] => volumes.of(place, identity)
  const stores = async () => (await administration.stores()).stores
  const directories = {
    repositories: () => keeper.fleet.repositories.map(({ entry: { name, cluster } }) => ({ name, cluster })),
    directories: async () => (await administration.directories.list({})).directories,
    quotas: () => administration.quotas.known,
  }
  return [
    repositorySource({
      repositories: () =>
        keeper.fleet.repositories.map((repository) => ({
          name: repository.entry.name,
          unknown: catalog.stores.hang(storeOf(repository))?.message,
          searchTrouble: isPerVolume(repository)
            ? catalog.discovery(repository.entry.name)?.trouble
            : undefined,
          places: places.of(repository),
        })),
      pinOf: (place) => memory.pinOf(place),
      newestGone: (place) =>
        ledger.sightings.identities(place).flatMap((identity) => {
          const gone = ledger.sightings.newestGone(place, identity)
          return gone === undefined ? [] : [{ identity, start: gone.start }]
        }),
      isFirst: ({ spec, trouble }) =>
        trouble?.kind === "failed" &&
        trouble.empty &&
        (trouble.error.code === "missing" || trouble.error.code === "empty") &&
        keeper.repositoryAt(spec.place)?.entry.new === true &&
        memory.everSeen(spec.place) === undefined,
      identitiesOf: (of) =>
        of.flatMap((place) => ledger.sightings.identities(place).map((identity) => `${place} ${identity}`)),
      volumesIn,
      volumesOf,
    }),
    damageSource({
      integrity,
      places: () =>
        [...new Set(integrity.damaged().map(({ place }) => place))].filter(
          (place) => keeper.repositoryAt(place) !== undefined,
        ),
      volumesOf,
      newestOf: (place, identity) =>
        catalog.view(place)?.generation?.identities.get(identity)?.newestComplete?.start,
    }),
    storeSource(stores),
    storeAdviceSource(stores),
    exportSource(() => administration.exports()),
    hardwareSource(() => administration.hardware()),
    directorySource(directories),
    quotaSource(directories),
    checkSource("ledger copies", ledgerCopies, 60_000),
    checkSource("checks", () => administration.otherChecks()),
  ]
}

/** Whose volumes lie in a place, as far as names tell. */
class TouchedVolumes {
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
