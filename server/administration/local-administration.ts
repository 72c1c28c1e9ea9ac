import type { z } from "zod"
import type { FenceRecord } from "../../storage/disk/index.js"
import { parseVolumeName } from "../../storage/identity/index.js"
import type { Catalog, Clock } from "../catalog/index.js"
import { exportName, plainDocument } from "../config/index.js"
import type { Acknowledgements, Fences, Marks, SnapshotRuns } from "../db/index.js"
import type { Administration, FindingAdministration } from "../http/admin/index.js"
import {
  type AcceptRepositoryRequest,
  type ApplyJson,
  type CheckJson,
  type applyExportsRequest,
  type applyRequest,
  type createStoreRequest,
  type DocumentJson,
  type DoctorJson,
  type ExportsAppliedJson,
  type ExportsJson,
  type ExportStepsJson,
  type FreshOnceJson,
  type freshOnceRequest,
  type RepositoriesJson,
  type RepositoryAcceptedJson,
  type SnapshotsJson,
  type StoreAcceptedJson,
  type StoreCreatedJson,
  type StoresJson,
  type StoreWithdrawnJson,
  type VolumesJson,
  type withdrawStoreRequest,
} from "../http/contract/admin.js"
import type { HardwareJson } from "../http/contract/hardware.js"
import type { NfsClientsJson } from "../http/contract/nfs-clients.js"
import { HttpError } from "../http/index.js"
import type { Ledger } from "../ledger/index.js"
import { applyDocument, type ApplyParts } from "./apply.js"
import { Contents } from "./contents/index.js"
import { Directories } from "./directories/index.js"
import { type DoctorParts, examine, stateChecks } from "./doctor.js"
import { AgreedExports } from "./exports/agreed-exports.js"
import { ApplyExports } from "./exports/apply-exports.js"
import { ChosenNfsServer, type ChosenNfsServerParts } from "./exports/chosen-nfs-server.js"
import { DeclaredExports } from "./exports/declared-exports.js"
import { ExportKeeper, type ExportKeeperParts } from "./exports/export-keeper.js"
import { ExportRows } from "./exports/export-rows.js"
import { KeptOut } from "./exports/kept-out.js"
import { FilesystemSnapshotsAdministration } from "./filesystem-snapshots/index.js"
import { ExportSteps } from "./exports/export-steps.js"
import type { FleetKeeper } from "./fleet-keeper.js"
import { FleetPlaces } from "./repositories/fleet-places.js"
import { hardwareChecks } from "./hardware/hardware-checks.js"
import { type HardwareProbes, HardwareRows } from "./hardware/hardware-rows.js"
import { nfsClientChecks } from "./exports/nfs-client-checks.js"
import type { HostNames } from "./exports/host-names.js"
import { JobsAdministration } from "./jobs/index.js"
import type { Jobs } from "../jobs/index.js"
import { NfsClientRows, type NfsClientRowsParts } from "./exports/nfs-client-rows.js"
import { CreateRepository, type CreateRepositoryParts } from "./repositories/creation/create-repository.js"
import { AcceptRepository } from "./repositories/accept-repository.js"
import { repositoryChecks } from "./repositories/repository-checks.js"
import { restartChecks } from "./exports/restart-checks.js"
import { soon } from "./soon.js"
import { Quotas, quotasOf, type QuotasParts } from "./quotas/index.js"
import { StoreFences } from "./stores/store-fences.js"
import type { StoreFactsParts } from "./stores/store-facts.js"
import { CreateStore } from "./stores/create-store.js"
import { WithdrawStore } from "./stores/withdraw-store.js"
import { AcceptStore } from "./stores/accept-store.js"
import { StoreRows } from "./stores/store-rows.js"
import { Turns } from "./turns.js"
import type { AdministratorViews } from "./repositories/views.js"

export interface LocalAdministrationParts {
  readonly views: AdministratorViews
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly clock: Clock
  readonly ledger: Ledger
  readonly fences: Pick<Fences, "get" | "names">
  readonly keepMount: ExportKeeperParts["keepMount"]
  /** Remembers a store's filesystem as it is now, and forgets what was remembered under these places. */
  readonly acceptFence: (store: string, record: FenceRecord, places: readonly string[], by: string) => void
  readonly marks: Marks
  readonly acknowledgements: Acknowledgements
  readonly snapshotRuns: SnapshotRuns
  readonly findings: FindingAdministration
  /** See ChosenNfsServer. */
  readonly makeNfsServer: ChosenNfsServerParts["make"]
  readonly directoryAttributes: StoreFactsParts["directoryAttributes"]
  readonly hardware: HardwareProbes
  readonly jobs: Jobs
  readonly treeUses: QuotasParts["treeUses"]
  readonly nfsClients: NfsClientRowsParts["nfsClients"]
  /** The engines' programs where they are given; otherwise they are looked for in PATH. */
  readonly engines: CreateRepositoryParts["engines"]
  /** Whom the host names of exports stand for. */
  readonly hostNames: HostNames
  readonly apply: ApplyParts
  readonly doctor: Pick<DoctorParts, "lastWriteError" | "cacheError" | "durability" | "ledgerCopies">
  /** What was worked out of a place is worked out anew. */
  readonly forget: (place: string) => void
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** What an administrator may see and do, over the socket that only the state directory's owner may open. */
export class LocalAdministration implements Administration {
  readonly directories: Directories
  readonly newRepositories: CreateRepository
  readonly filesystemSnapshots: FilesystemSnapshotsAdministration
  readonly quotas: Quotas
  readonly findings: FindingAdministration
  readonly jobs: JobsAdministration
  readonly contents: Contents
  readonly #parts: LocalAdministrationParts
  /** Keeps the exports as they are declared, from its `start` on. */
  readonly exportKeeper: ExportKeeper
  readonly #agreements: AgreedExports
  readonly #exportSteps: ExportSteps
  readonly #nfsServer: ChosenNfsServer
  readonly #acceptStore: AcceptStore
  readonly #acceptRepository: AcceptRepository
  readonly #createStore: CreateStore
  readonly #withdrawStore: WithdrawStore
  readonly #stores: StoreRows
  readonly #exports: ExportRows
  readonly #applyExports: ApplyExports
  readonly #nfsClients: NfsClientRows
  readonly #hardware: HardwareRows

  constructor(parts: LocalAdministrationParts) {
    this.#parts = parts
    this.findings = parts.findings
    this.jobs = new JobsAdministration(parts.jobs)
    this.contents = new Contents(parts)
    const storeFences = new StoreFences(parts)
    const keptOut = new KeptOut()
    this.#agreements = new AgreedExports(parts.acknowledgements, parts.clock)
    const agreements = this.#agreements
    const declared = new DeclaredExports({ ...parts, storeFences, keptOut, agreements })
    const turns = new Turns()
    const nfsServer = new ChosenNfsServer({
      entry: () => parts.keeper.fleet.document.nfsServer,
      make: parts.makeNfsServer,
    })
    this.#nfsServer = nfsServer
    this.#stores = new StoreRows({ ...parts, storeFences })
    this.#acceptRepository = new AcceptRepository(parts)
    this.#acceptStore = new AcceptStore({
      ...parts,
      storeFences,
      look: () => this.exportKeeper.look(),
      row: (store) => this.#stores.row(store),
    })
    const apply = (request: z.output<typeof applyRequest>, by: string): Promise<ApplyJson> =>
      this.apply(request, by)
    this.#createStore = new CreateStore({ ...parts, applyDocument: apply })
    this.#withdrawStore = new WithdrawStore({
      ...parts,
      storeFences,
      applyDocument: apply,
      current: () => parts.apply.shelf.current(),
      withdrawn: () => this.exportKeeper.redeclared(),
      nfsServer: () => (this.exportKeeper.keeps ? nfsServer.current : undefined),
      nfsClients: () => this.nfsClients(),
    })
    this.exportKeeper = new ExportKeeper({ ...parts, declared, storeFences, nfsServer, turns })
    this.#exports = new ExportRows({ declared, nfsServer, keeper: this.exportKeeper })
    this.#exportSteps = new ExportSteps({
      declared,
      nfsServer,
      entry: () => parts.keeper.fleet.document.nfsServer,
      make: parts.makeNfsServer,
      nfsClients: () => this.nfsClients(),
    })
    this.#applyExports = new ApplyExports({ ...parts, declared, nfsServer, turns, agreements })
    this.directories = new Directories({ ...parts, storeFences, nfsServer })
    const { exportKeeper, directories } = this
    const { runs } = directories
    this.newRepositories = new CreateRepository({
      ...parts,
      storeFences,
      nfsServer,
      turns,
      keptOut,
      exportKeeper,
      runs,
    })
    this.filesystemSnapshots = new FilesystemSnapshotsAdministration({
      ...parts,
      storeFences,
      nfsServer,
      exportKeeper,
      keptOut,
      runs,
      redeclare: () => {
        parts.apply.declared(parts.apply.shelf.current())
      },
    })
    this.quotas = new Quotas({
      ...parts,
      storeFences,
      runs,
      system: () => quotasOf(nfsServer.system),
    })
    this.#nfsClients = new NfsClientRows({ ...parts, nfsServer })
    this.#hardware = new HardwareRows({ ...parts, nfsServer, stores: () => this.#stores.rows() })
  }

  repositories(): RepositoriesJson {
    return this.#parts.views.repositories()
  }

  volumes(filter: Parameters<Administration["volumes"]>[0]): VolumesJson {
    return this.#parts.views.volumes(filter)
  }

  snapshots(filter: Parameters<Administration["snapshots"]>[0]): Promise<SnapshotsJson> {
    return this.#parts.views.snapshots(filter)
  }

  async stores(): Promise<StoresJson> {
    return { stores: await this.#stores.rows() }
  }

  exports(): Promise<ExportsJson> {
    return this.#exports.rows()
  }

  exportSteps(system: ExportStepsJson["system"] | undefined): Promise<ExportStepsJson> {
    return this.#exportSteps.steps(system)
  }

  nfsClients(): Promise<NfsClientsJson> {
    return this.#nfsClients.rows()
  }

  hardware(): Promise<HardwareJson> {
    return this.#hardware.rows()
  }

  applyExports(request: z.output<typeof applyExportsRequest>, by: string): Promise<ExportsAppliedJson> {
    return this.#applyExports.apply(request, by)
  }

  acceptStore(name: string, by: string): Promise<StoreAcceptedJson> {
    return this.#acceptStore.accept(name, by)
  }

  createStore(request: z.output<typeof createStoreRequest>, by: string): Promise<StoreCreatedJson> {
    return this.#createStore.create(request, by)
  }

  withdrawStore(
    name: string,
    request: z.output<typeof withdrawStoreRequest>,
    by: string,
  ): Promise<StoreWithdrawnJson> {
    return this.#withdrawStore.withdraw(name, request, by)
  }

  acceptRepository(name: string, request: AcceptRepositoryRequest, by: string): RepositoryAcceptedJson {
    return this.#acceptRepository.accept(name, request, by)
  }

  async apply(request: z.output<typeof applyRequest>, by: string): Promise<ApplyJson> {
    const result = await applyDocument(request, by, { ...this.#parts.apply, agreements: this.#agreements })
    if (!result.applied) return result
    this.quotas.tick()
    return { ...result, notices: [...result.notices, ...(await this.#exported())] }
  }

  /** Has the exports follow the document, and says what could not be exported, one sentence each. */
  async #exported(): Promise<string[]> {
    const kept = await soon(this.exportKeeper.redeclared().then(() => this.exports()))
    if (kept === undefined) return ["The exports are still being applied: `cistern exports` shows them."]
    const { problem, exports } = kept
    if (exports.length === 0 || !this.exportKeeper.keeps) return []
    if (problem !== null) return [`The exports could not be applied: ${problem.message}.`]
    return exports.flatMap((one) =>
      one.problem === null ? [] : [`Export ${exportName(one)}: ${one.problem.message}.`],
    )
  }

  document(): DocumentJson {
    return { document: plainDocument(this.#parts.apply.shelf.current()) }
  }

  freshOnce(request: z.output<typeof freshOnceRequest>, by: string): FreshOnceJson {
    const { keeper, ledger, clock, log } = this.#parts
    const clusters = keeper.fleet.document.clusters.map(({ name }) => name)
    const cluster = request.cluster ?? (clusters.length === 1 ? clusters[0] : undefined)
    if (cluster === undefined || !clusters.includes(cluster)) {
      throw new HttpError(400, "which_cluster", "It must be said of which cluster the volume is.", {
        hint: `Name one with --cluster: ${clusters.join(", ")}.`,
      })
    }
    const { namespace, pvc } = parseVolumeName(request.namespace, request.pvc)
    const window = ledger.freshOnce.allow({ cluster, namespace, pvc }, by, clock.now().wall)
    log.info({ cluster, namespace, pvc, by, until: new Date(window.until) }, "the volume may be fresh once")
    return { cluster, namespace, pvc, until: new Date(window.until).toISOString() }
  }

  doctor(): Promise<DoctorJson> {
    return examine({
      ...this.#parts.doctor,
      repositories: () => this.repositories(),
      stores: () => this.stores(),
      exports: () => this.exports(),
      repositoryChecks: () => this.#repositoryChecks(),
      moreChecks: () => this.#moreChecks(),
    })
  }

  /** What the doctor checks and no list tells. For findings, which wait for it as long as it takes. */
  async otherChecks(): Promise<CheckJson[]> {
    const { keeper, catalog, doctor } = this.#parts
    const places = new FleetPlaces(keeper, catalog)
    const [clients, ...checks] = await Promise.all([
      this.nfsClients(),
      this.filesystemSnapshots.checks(),
      ...keeper.fleet.repositories.map((one) => repositoryChecks(one, { places, catalog })),
    ])
    return [
      ...nfsClientChecks(clients, keeper.fleet.document.exports.length),
      ...restartChecks(this.#nfsServer.current),
      ...checks.flat(),
      ...this.directories.firstFresh.checks(),
      ...stateChecks(doctor),
    ]
  }

  /** Of what the machine itself shows. */
  async #moreChecks(): Promise<CheckJson[]> {
    const declared = this.#parts.keeper.fleet.document.exports.length
    const [clients, hardware, quotas] = await Promise.all([
      this.nfsClients(),
      this.hardware(),
      this.quotas.checks(),
    ])
    return [
      ...nfsClientChecks(clients, declared),
      ...restartChecks(this.#nfsServer.current),
      ...hardwareChecks(hardware),
      ...quotas,
    ]
  }

  async #repositoryChecks(): Promise<CheckJson[]> {
    const { keeper, catalog } = this.#parts
    const places = new FleetPlaces(keeper, catalog)
    const checks = keeper.fleet.repositories.map((one) => repositoryChecks(one, { places, catalog }))
    const all = await Promise.all([...checks, this.directories.checks(), this.filesystemSnapshots.checks()])
    return all.flat()
  }
}
