import { isPerVolume, type LedgerMemory, storeOf } from "../answers/index.js"
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
  type VerifiableRepository,
  verifiedSource,
} from "../findings/index.js"
import type { CheckJson } from "../http/contract/admin.js"
import { type Jobs, subjectKey } from "../jobs/index.js"
import type { Ledger } from "../ledger/index.js"
import type { FleetKeeper } from "./fleet-keeper.js"
import type { LocalAdministration } from "./local-administration.js"
import { FleetPlaces } from "./repositories/fleet-places.js"
import type { TouchedVolumes } from "./repositories/touched-volumes.js"

export interface FindingSourcesParts {
  readonly administration: LocalAdministration
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly ledger: Ledger
  readonly memory: Pick<LedgerMemory, "pinOf" | "everSeen">
  readonly integrity: SnapshotIntegrity
  readonly touched: TouchedVolumes
  readonly jobs: Pick<Jobs, "subjects" | "memory">
  readonly now: () => number
  readonly ledgerCopies: () => readonly CheckJson[]
}

/** Everything that the daemon already looks at and that may be wrong. */
export function findingSources(parts: FindingSourcesParts): FindingSource[] {
  const { administration, keeper, catalog, ledger, memory, integrity, touched, jobs, ledgerCopies } = parts
  const places = new FleetPlaces(keeper, catalog)
  const volumesIn = (place: string): VolumeKey[] => touched.in(place)
  const volumesOf = (place: string, identity: string): VolumeKey[] => touched.of(place, identity)
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
    verifiedSource(() => verifiable(keeper, jobs), parts.now),
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

/** The declared repositories, and when verifies of them came to their end. */
function verifiable(
  keeper: FleetKeeper,
  { subjects, memory }: FindingSourcesParts["jobs"],
): VerifiableRepository[] {
  const good = new Map(
    memory.all().map(({ kind, subject, lastGoodAt }) => [`${kind} ${subject}`, lastGoodAt]),
  )
  const repositories = new Map<string, VerifiableRepository["places"][number][]>()
  for (const subject of subjects("repository")) {
    const spec = subject.type === "repository" ? keeper.declaredAt(subject.place)?.spec : undefined
    if (spec === undefined || subject.type !== "repository") continue
    const lastGood = (job: string): number | undefined =>
      good.get(`${job} ${subjectKey(subject)}`) ?? undefined
    const [verified, read] = [lastGood("verify"), lastGood("verify-deep")]
    const places = repositories.get(subject.repository) ?? []
    places.push({
      directory: spec.directory,
      hasPassword: spec.password !== undefined,
      verifiedAt: verified === undefined ? read : Math.max(verified, read ?? 0),
      readAt: read,
    })
    repositories.set(subject.repository, places)
  }
  return [...repositories].map(([name, places]) => ({ name, places }))
}
