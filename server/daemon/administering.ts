import {
  AdministratorViews,
  type ApplyParts,
  copyTarget,
  findingSources,
  HostMemory,
  HostNames,
  isListed,
  LedgerAdoption,
  LedgerCopies,
  LocalAdministration,
  TouchedVolumes,
} from "../administration/index.js"
import { Acknowledgements, SnapshotRuns, TreeUses } from "../db/index.js"
import { FindingKeeper } from "../findings/index.js"
import type { Jobs } from "../jobs/index.js"
import type { Answering } from "./answering.js"
import type { Kept } from "./kept.js"
import type { Surroundings } from "./surroundings.js"
import { putWorkTogether } from "./working.js"

/** What an administrator sees and does, and what the daemon does by itself. Nothing of it is started. */
export interface Administering {
  readonly administration: LocalAdministration
  readonly views: AdministratorViews
  readonly jobs: Jobs
  readonly copies: LedgerCopies
  readonly findingKeeper: FindingKeeper
}

export function putAdministrationTogether(
  kept: Kept,
  answering: Answering,
  surroundings: Surroundings,
): Administering {
  const { database, cache, ledger, secrets, shelf, integrity, findings, known } = kept
  const { keeper, catalog, memory, answerer } = answering
  const { stateDirectory, clock, hasEvents, log } = surroundings
  const adoption = new LedgerAdoption({
    ledger,
    find: (store) => catalog.stores.findLedgerCopies(store),
    setAside: (store) => catalog.stores.setLedgerCopyAside(store),
    log,
  })
  const copies = new LedgerCopies({
    clock,
    targets: () =>
      keeper.fleet.document.stores.map((store) =>
        copyTarget(store, keeper.fleet, shelf.fence("store", store.name)),
      ),
    isListed: (store) => isListed(store, catalog.views()),
    hangs: (store) => catalog.stores.hang(store) !== undefined,
    copyOf: (sentinel, at) => ledger.copyOf(sentinel, at),
    keep: (store, fences, bytes) => catalog.stores.keepLedgerCopy(store, fences, bytes),
    log,
  })
  const touched = new TouchedVolumes(keeper, catalog)
  const work = putWorkTogether(kept, answering, touched, surroundings, (job) => {
    // What a run found damaged, and that it was made, is told by others.
    findingKeeper.hasten("integrity", ...(job.startsWith("verify") ? ["proofs"] : []))
  })
  const { jobs } = work
  const apply: ApplyParts = {
    shelf,
    jobs: () => [...jobs.kinds.values()],
    secrets: secrets.store,
    fenceOf: (store) => shelf.fence("store", store),
    takeStoreFence: (store, sentinel) => {
      catalog.openStore({ name: store.name, path: store.path, events: hasEvents(store.path) })
      return catalog.stores.takeFence(store.name, { path: store.path, allowRoot: store.allowRoot, sentinel })
    },
    adoptLedger: (store, sentinel) => adoption.adopt(store, sentinel),
    declared: (document) => {
      keeper.replace(document)
      answering.declare()
      copies.redeclared()
      work.redeclared()
      administration.contents.redeclared()
    },
    record: (acknowledged, by) => {
      log.info({ acknowledged, by }, "document applied")
    },
  }
  const views = new AdministratorViews({ keeper, catalog, answerer, known, integrity, clock })
  const ledgerCopies = () => copies.checks()
  const administration = new LocalAdministration({
    views,
    keeper,
    catalog,
    clock,
    ledger,
    fences: shelf.fences,
    keepMount: shelf.keepMount,
    acceptFence: (store, record, places, by) => {
      shelf.acceptStore(store, record, places, by)
    },
    marks: shelf.marks,
    acknowledgements: new Acknowledgements(database.connection),
    snapshotRuns: new SnapshotRuns(database.connection),
    findings: findings.views,
    makeNfsServer: surroundings.nfsServers((reference) => secrets.store.resolve(reference).secret),
    directoryAttributes: surroundings.directoryAttributes,
    hardware: surroundings.hardware,
    nfsClients: surroundings.nfsClients,
    engines: surroundings.engines,
    hostNames: new HostNames({
      clock,
      resolve: surroundings.resolveHost,
      memory: new HostMemory(stateDirectory),
    }),
    jobs,
    treeUses: new TreeUses(database.connection),
    apply,
    doctor: {
      lastWriteError: () => ledger.lastWriteError,
      cacheError: () => cache.lastError,
      ledgerCopies,
      durability: surroundings.durability,
    },
    forget: (place) => {
      memory.forget(place)
      catalog.forget(place)
    },
    log,
  })
  const findingKeeper: FindingKeeper = new FindingKeeper({
    ...findings,
    sources: findingSources({
      administration,
      keeper,
      catalog,
      ledger,
      memory,
      integrity,
      touched,
      jobs,
      now: () => clock.now().wall,
      ledgerCopies,
    }),
    clock,
    log,
  })
  return { administration, views, jobs, copies, findingKeeper }
}
