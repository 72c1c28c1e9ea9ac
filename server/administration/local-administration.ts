import type { z } from "zod"
import type { FenceRecord } from "../../storage/disk/index.js"
import { parseVolumeName } from "../../storage/identity/index.js"
import { isPerVolume, spotAt, spotOf } from "../answers/index.js"
import type { Catalog, Clock } from "../catalog/index.js"
import { exportName, plainDocument } from "../config/index.js"
import type { Acknowledgements, Fences, Marks } from "../db/index.js"
import type { Administration } from "../http/admin/index.js"
import {
  type AcceptRepositoryRequest,
  type ApplyJson,
  type CheckJson,
  type applyExportsRequest,
  type applyRequest,
  type DocumentJson,
  type DoctorJson,
  type ExportsAppliedJson,
  type ExportsJson,
  type FreshOnceJson,
  type freshOnceRequest,
  type RepositoriesJson,
  type RepositoryAcceptedJson,
  type SnapshotsJson,
  type StoreAcceptedJson,
  type StoresJson,
  type VolumesJson,
} from "../http/contract/admin.js"
import type { HardwareJson } from "../http/contract/hardware.js"
import type { NfsClientsJson } from "../http/contract/nfs-clients.js"
import { HttpError } from "../http/index.js"
import type { Ledger } from "../ledger/index.js"
import { applyDocument, type ApplyParts } from "./apply.js"
import { Directories } from "./directories/index.js"
import { type DoctorParts, examine } from "./doctor.js"
import { ApplyExports } from "./exports/apply-exports.js"
import { ChosenNfsServer, type ChosenNfsServerParts } from "./exports/chosen-nfs-server.js"
import { DeclaredExports } from "./exports/declared-exports.js"
import { ExportKeeper, type ExportKeeperParts } from "./exports/export-keeper.js"
import { ExportRows } from "./exports/export-rows.js"
import type { FleetKeeper } from "./fleet-keeper.js"
import { FleetPlaces } from "./repositories/fleet-places.js"
import { hardwareChecks } from "./hardware/hardware-checks.js"
import { type HardwareProbes, HardwareRows } from "./hardware/hardware-rows.js"
import { nfsClientChecks } from "./exports/nfs-client-checks.js"
import { NfsClientRows, type NfsClientRowsParts } from "./exports/nfs-client-rows.js"
import { repositoryChecks } from "./repositories/repository-checks.js"
import { soon } from "./soon.js"
import { StoreFences } from "./stores/store-fences.js"
import type { StoreFactsParts } from "./stores/store-facts.js"
import { StoreRows } from "./stores/store-rows.js"
import { Turns } from "./turns.js"
import { refuseTwins } from "./stores/twin-stores.js"
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
  /** See ChosenNfsServer. */
  readonly makeNfsServer: ChosenNfsServerParts["make"]
  readonly directoryAttributes: StoreFactsParts["directoryAttributes"]
  readonly hardware: HardwareProbes
  readonly nfsClients: NfsClientRowsParts["nfsClients"]
  readonly apply: ApplyParts
  readonly doctor: Pick<DoctorParts, "lastWriteError" | "cacheError" | "durability" | "ledgerCopies">
  /** What was worked out of a place is worked out anew. */
  readonly forget: (place: string) => void
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** What an administrator may see and do, over the socket that only the state directory's owner may open. */
export class LocalAdministration implements Administration {
  readonly directories: Directories
  readonly #parts: LocalAdministrationParts
  /** Keeps the exports as they are declared, from its `start` on. */
  readonly exportKeeper: ExportKeeper
  readonly #storeFences: StoreFences
  readonly #stores: StoreRows
  readonly #exports: ExportRows
  readonly #applyExports: ApplyExports
  readonly #nfsClients: NfsClientRows
  readonly #hardware: HardwareRows

  constructor(parts: LocalAdministrationParts) {
    this.#parts = parts
    const storeFences = new StoreFences(parts)
    const declared = new DeclaredExports({ ...parts, storeFences })
    const turns = new Turns()
    const nfsServer = new ChosenNfsServer({
      entry: () => parts.keeper.fleet.document.nfsServer,
      make: parts.makeNfsServer,
    })
    this.#storeFences = storeFences
    this.#stores = new StoreRows({ ...parts, storeFences })
    this.exportKeeper = new ExportKeeper({ ...parts, declared, storeFences, nfsServer, turns })
    this.#exports = new ExportRows({ declared, nfsServer, keeper: this.exportKeeper })
    this.#applyExports = new ApplyExports({ ...parts, declared, nfsServer, turns })
    this.directories = new Directories({ ...parts, storeFences, nfsServer })
    this.#nfsClients = new NfsClientRows({ ...parts, nfsServer })
    this.#hardware = new HardwareRows({ ...parts, stores: () => this.#stores.rows() })
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

  nfsClients(): Promise<NfsClientsJson> {
    return this.#nfsClients.rows()
  }

  hardware(): Promise<HardwareJson> {
    return this.#hardware.rows()
  }

  applyExports(request: z.output<typeof applyExportsRequest>, by: string): Promise<ExportsAppliedJson> {
    return this.#applyExports.apply(request, by)
  }

  async acceptStore(name: string, by: string): Promise<StoreAcceptedJson> {
    const { keeper, catalog, acknowledgements, apply, clock, log } = this.#parts
    const store = keeper.fleet.document.stores.find((candidate) => candidate.name === name)
    if (store === undefined) throw new HttpError(404, "not_found", `No store is called ${name}.`)
    const hang = catalog.stores.hang(name)
    if (hang !== undefined) throw new HttpError(503, "store_hangs", hang.message, { hint: hang.hint })
    const places = this.#storeFences.placesIn(store)
    const changes: string[] = []
    for (const { path, record } of this.#storeFences.of(store)) {
      const state = await catalog.stores.checkFence(store.name, [{ path, record }])
      if (state.kind === "fenced") changes.push(state.message)
    }
    const isRepository = keeper.fleet.repositories.some(
      ({ entry }) => entry.place.kind === "store" && entry.place.store === name && entry.place.path === "",
    )
    const record = await catalog.stores.takeFence(store.name, {
      path: store.path,
      allowRoot: store.allowRoot,
      sentinel: !isRepository,
      id: apply.fenceOf(name)?.sentinel,
    })
    refuseTwins(keeper.fleet.document.stores, new Map([[name, record]]), apply.fenceOf)
    const notices = record.sentinel === undefined ? [] : await apply.adoptLedger(store.name, record.sentinel)
    const at = clock.now().wall
    this.#parts.acceptFence(
      name,
      record,
      places.map(({ place }) => place),
      by,
    )
    acknowledgements.add({ kind: "store_accepted", place: name, detail: JSON.stringify(changes), at, by })
    log.info({ store: name, by, changes }, "store accepted")
    apply.declared(apply.shelf.current())
    for (const { place } of places) this.#parts.forget(place)
    await soon(this.exportKeeper.look())
    return { store: await this.#stores.row(store), changes, notices }
  }

  async acceptRepository(
    name: string,
    request: AcceptRepositoryRequest,
    by: string,
  ): Promise<RepositoryAcceptedJson> {
    const { place } = this.#placeOf(name, request.path)
    const changes = [
      ...(request.id === undefined ? [] : this.#acceptId(place, request.id, by)),
      ...(request.gone === undefined ? [] : this.#acceptGone(place, request.gone, by)),
      ...(request.lostIndex === true ? this.#acceptLostIndex(place, by) : []),
    ]
    this.#parts.log.info({ repository: name, by, changes }, "change of a repository accepted")
    if (changes.length > 0) {
      this.#parts.forget(place)
      this.#parts.apply.declared(this.#parts.apply.shelf.current())
    }
    return { changes }
  }

  async apply(request: z.output<typeof applyRequest>, by: string): Promise<ApplyJson> {
    const result = await applyDocument(request, by, this.#parts.apply)
    if (!result.applied) return result
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

  /** Of what the machine itself shows. */
  async #moreChecks(): Promise<CheckJson[]> {
    const declared = this.#parts.keeper.fleet.document.exports.length
    const [clients, hardware] = await Promise.all([this.nfsClients(), this.hardware()])
    return [...nfsClientChecks(clients, declared), ...hardwareChecks(hardware)]
  }

  async #repositoryChecks(): Promise<CheckJson[]> {
    const { keeper, catalog } = this.#parts
    const places = new FleetPlaces(keeper, catalog)
    const checks = keeper.fleet.repositories.map((one) => repositoryChecks(one, { places, catalog }))
    const all = await Promise.all([...checks, this.directories.checks()])
    return all.flat()
  }

  #placeOf(name: string, path: string | undefined): { place: string } {
    const repository = this.#parts.keeper.fleet.repositories.find(({ entry }) => entry.name === name)
    if (repository === undefined) throw new HttpError(404, "not_found", `No repository is called ${name}.`)
    const spot =
      path === undefined ? spotOf(repository, { namespace: "any", pvc: "any" }) : spotAt(repository, path)
    if (spot === undefined || (path === undefined && isPerVolume(repository))) {
      throw new HttpError(400, "which_directory", `${name} is a tree of repositories.`, {
        hint: "Name one of its directories with --path, relative to the store.",
      })
    }
    return spot
  }

  #acceptId(place: string, id: string, by: string): string[] {
    const { ledger, catalog, clock } = this.#parts
    const header = catalog.view(place)?.generation?.header
    const pinned = ledger.pins.get(place)
    if (header === undefined || pinned === undefined) {
      throw new HttpError(503, "not_listed", "What is there now has not been read yet.", {
        hint: "Ask again in a few seconds.",
      })
    }
    const { engine, repositoryId, fingerprint } = header
    if (id !== repositoryId && id !== fingerprint) {
      throw new HttpError(
        409,
        "stale",
        `There is ${repositoryId === "" ? fingerprint : repositoryId} now, not ${id}.`,
        {
          hint: "Look at the change as it is now and accept that one.",
        },
      )
    }
    if (pinned.repositoryId === repositoryId && pinned.fingerprint === fingerprint) return []
    const at = clock.now().wall
    ledger.pins.acknowledge({ place, was: pinned, becomes: { engine, repositoryId, fingerprint }, at, by })
    // Its metadata files are others. The snapshots that are missing now stay missing until each loss is accepted.
    this.#parts.marks.remove(place)
    return [
      `Repository ${id} is now the one at ${place}; it was ${pinned.repositoryId === "" ? pinned.fingerprint : pinned.repositoryId}.`,
    ]
  }

  #acceptGone(place: string, identity: string, by: string): string[] {
    const { ledger, clock } = this.#parts
    if (identity === "*")
      return ledger.sightings.identities(place).flatMap((name) => this.#acceptGone(place, name, by))
    const changes: string[] = []
    // Behind the newest there may be more: each is acknowledged until one that is still there stands in front.
    for (
      let gone = ledger.sightings.newestGone(place, identity);
      gone !== undefined;
      gone = ledger.sightings.newestGone(place, identity)
    ) {
      const { start, root } = gone
      ledger.sightings.explain({ place, identity, start, root }, "acknowledged", by, clock.now().wall)
      changes.push(
        `The snapshot of ${identity} taken at ${new Date(Number(start / 1_000_000n)).toISOString()} is gone for good.`,
      )
    }
    return changes
  }

  #acceptLostIndex(place: string, by: string): string[] {
    const { marks, acknowledgements, clock } = this.#parts
    if (marks.get(place) === undefined) return []
    acknowledgements.add({ kind: "index_lost", place, detail: "{}", at: clock.now().wall, by })
    marks.remove(place)
    return [`The metadata files that vanished from ${place} are gone for good.`]
  }
}
