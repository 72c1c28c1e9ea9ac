import { chmodSync, rmSync } from "node:fs"
import { join } from "node:path"
import { durabilityOf, hasFileEvents } from "../storage/disk/index.js"
import { directoryAttributes, machineFigures, smartctlReport } from "../storage/host/index.js"
import { listDisks } from "../storage/hardware/index.js"
import { readClients } from "../storage/nfs/index.js"
import {
  AdministratorViews,
  applyAtStart,
  type ApplyParts,
  copyTarget,
  declaredSchedules,
  DatabaseShelf,
  findingMetrics,
  findingSources,
  FleetKeeper,
  fleetMetrics,
  HostMemory,
  HostNames,
  isListed,
  JobSubjects,
  LedgerAdoption,
  LedgerCopies,
  lentByDropIn,
  LocalAdministration,
  nfsServerMaker,
  resolveHost,
  TouchedVolumes,
  quotaMetrics,
} from "./administration/index.js"
import {
  Answerer,
  ClusterReadiness,
  familyOf,
  FreshOnceGrants,
  KnownVolumes,
  LedgerMemory,
} from "./answers/index.js"
import { Catalog, defaultRhythm, startStoreThread, systemClock, watchMounts } from "./catalog/index.js"
import {
  adminSocketPath,
  type Config,
  ConfigError,
  type KopiaFilesystemDropIn,
  repositoryPathFault,
} from "./config/index.js"
import {
  Acknowledgements,
  JobMemory,
  openBlobCache,
  openDatabase,
  ProjectIdTable,
  SnapshotIntegrityTable,
  Runs,
  SnapshotRuns,
  TreeUses,
} from "./db/index.js"
import { FindingKeeper, openFindings, SnapshotIntegrity } from "./findings/index.js"
import {
  AccessLog,
  createDaemonServer,
  type DaemonServer,
  listen,
  Metrics,
  stopServer,
} from "./http/index.js"
import { type JobKind, jobMetrics, Jobs, tidyJob } from "./jobs/index.js"
import { Ledger } from "./ledger/index.js"
import { createLog } from "./log.js"
import { type ReadingParts, readingJobs } from "./reading/index.js"
import { openSecrets } from "./secrets/index.js"
import { ownerOf, stateDirectoryOf } from "./state-directory.js"

export interface RunningDaemon {
  /** `host:port` that it listens at. */
  readonly address: string
  /**
   * Answers what was asked, then ends everything in the reverse order of its start. False when a thread hangs on a mount:
   * then the process does not exit by itself.
   */
  stop(): Promise<boolean>
}

export interface DaemonOptions {
  /** Kinds of jobs besides the daemon's own. */
  readonly moreJobs?: readonly JobKind[]
}

/** How long requests that are under way may take when the daemon stops. */
const GRACE_MS = 8_000

/** Builds every part and starts it. Throws ConfigError, DatabaseError or StorageError; then nothing is left running. */
export async function startDaemon(
  config: Config,
  { moreJobs = [] }: DaemonOptions = {},
): Promise<RunningDaemon> {
  const dropIn = await usableDropIn(config)
  const logging = createLog(config.logLevel)
  const { log } = logging
  const { directory: stateDirectory, passing, state } = stateDirectoryOf(config, log)
  const database = openDatabase(stateDirectory)
  const cache = openBlobCache(stateDirectory)
  cache.prune(90)
  const ledger = new Ledger(database)
  const secrets = openSecrets(database, config.keyFile ?? join(stateDirectory, "key"), process.env)
  const shelf = new DatabaseShelf(database, secrets.store)
  const known = new KnownVolumes()
  for (const { cluster, namespace, pvc } of ledger.asked.all()) known.add(cluster, { namespace, pvc })

  const integrity = new SnapshotIntegrity(new SnapshotIntegrityTable(database.connection))
  const room = openFindings(database, { now: () => systemClock.now().wall, log })
  const memory = new LedgerMemory({
    ledger,
    integrity,
    clock: systemClock,
    marks: shelf.marks,
    keepFence: (place, record) => {
      if (keeper.repositoryAt(place)?.store !== undefined) shelf.keepFence(place, record)
    },
    log,
  })
  const keeper: FleetKeeper = new FleetKeeper(shelf.current(), {
    resolve: (reference) => secrets.store.resolve(reference).secret,
    fence: (kind, name) => shelf.fence(kind, name),
    hasEvents: hasFileEvents,
    trustedHops: [],
    lent: dropIn && lentByDropIn(dropIn),
    log,
  })
  const freshOnceGrants = new FreshOnceGrants({
    windows: ledger.freshOnce,
    fleet: () => keeper.fleet,
    clock: systemClock,
    log,
  })
  const metrics = new Metrics("kopia-fs")
  const catalog = new Catalog({
    clock: systemClock,
    connect: ({ events }, methods, died) => startStoreThread({ stateDirectory, events }, methods, died),
    keys: secrets.keys,
    projects: new ProjectIdTable(database.connection),
    witness: (seen) => {
      const remembered = memory.witness(seen)
      if (remembered) freshOnceGrants.witnessed(seen)
      return remembered
    },
    renew: (spec) => keeper.renew(spec),
    marksOf: (place) => memory.marksOf(place),
    rhythm: defaultRhythm,
    log,
  })
  const declare = (): void => {
    known.redeclared()
    catalog.declare(keeper.catalogSpec())
  }
  const answerer = new Answerer({
    clock: systemClock,
    fleet: () => keeper.fleet,
    views: catalog,
    memory,
    known,
    state,
    specOf: (repository, spot) => keeper.specOf(repository, spot),
    directories: (repository) =>
      catalog.views().flatMap(({ spec }) => keeper.pathAt(repository, spec.place) ?? []),
    freshOnce: (cluster, volume, newestComplete) => freshOnceGrants.fact(cluster, volume, newestComplete),
    asked: (cluster, volume, decision) => {
      ledger.asked.note({ cluster, ...volume }, decision.decision, systemClock.now().wall)
      administration.directories.firstFresh.note(cluster, volume, decision)
    },
    shared: () => {
      metrics.countShared()
    },
  })
  const readiness = new ClusterReadiness({
    clock: systemClock,
    fleet: () => keeper.fleet,
    view: (place) => catalog.view(place),
    searchTrouble: (repository) => {
      const search = catalog.discovery(familyOf(repository) ?? "")
      return search === undefined ? "its directories have not been looked for yet" : search.trouble
    },
    hang: (store) => catalog.stores.hang(store),
    isChanged: (place) => memory.pinOf(place).kind === "changed",
    everSeen: (place) => memory.everSeen(place),
  })

  const adoption = new LedgerAdoption({
    ledger,
    find: (store) => catalog.stores.findLedgerCopies(store),
    setAside: (store) => catalog.stores.setLedgerCopyAside(store),
    log,
  })
  const copies = new LedgerCopies({
    clock: systemClock,
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
  const jobSubjects = new JobSubjects({ keeper, catalog })
  const reading: ReadingParts = {
    stateDirectory,
    clock: systemClock,
    placeOf: ({ place }) => keeper.declaredAt(place),
    volumesOf: (place, identity) => touched.of(place, identity),
    volumesIn: (place) => touched.in(place),
    findings: room.findings,
    integrity,
  }
  const jobCounts = jobMetrics(metrics.registry)
  const jobs = new Jobs({
    stateDirectory,
    kinds: (parts) => [
      tidyJob({ ...parts, now: () => systemClock.now().wall }),
      ...readingJobs(reading),
      ...moreJobs,
    ],
    runs: new Runs(database.connection),
    memory: new JobMemory(database.connection),
    clock: systemClock,
    subjects: (type) => jobSubjects.all(type),
    isDeclared: (subject) => jobSubjects.isDeclared(subject),
    diskOf: (subject) => (subject.type === "whole" ? undefined : diskOf(shelf, subject.store)),
    moverAt: (subject) => jobSubjects.moverAt(subject, systemClock.now().wall),
    schedules: () => declaredSchedules(keeper.fleet.document),
    quiet: () => keeper.fleet.document.quietHours,
    ended: jobCounts.ended,
    log,
  })
  metrics.addCollector(() => {
    jobCounts.collect(jobs)
  })
  const apply: ApplyParts = {
    shelf,
    jobs: () => [...jobs.kinds.values()],
    secrets: secrets.store,
    fenceOf: (store) => shelf.fence("store", store),
    takeStoreFence: (store, sentinel) => {
      catalog.openStore({ name: store.name, path: store.path, events: hasFileEvents(store.path) })
      return catalog.stores.takeFence(store.name, { path: store.path, allowRoot: store.allowRoot, sentinel })
    },
    adoptLedger: (store, sentinel) => adoption.adopt(store, sentinel),
    declared: (document) => {
      keeper.replace(document)
      declare()
      copies.redeclared()
      jobs.redeclared()
      administration.contents.redeclared()
    },
    record: (acknowledged, by) => {
      log.info({ acknowledged, by }, "document applied")
    },
  }
  const views = new AdministratorViews({ keeper, catalog, answerer, known, clock: systemClock })
  metrics.addCollector(fleetMetrics(metrics.registry, views))
  const administration = new LocalAdministration({
    views,
    keeper,
    catalog,
    clock: systemClock,
    ledger,
    fences: shelf.fences,
    keepMount: shelf.keepMount,
    acceptFence: (store, record, places, by) => {
      shelf.acceptStore(store, record, places, by)
    },
    marks: shelf.marks,
    acknowledgements: new Acknowledgements(database.connection),
    snapshotRuns: new SnapshotRuns(database.connection),
    findings: room.views,
    makeNfsServer: nfsServerMaker({
      owner: ownerOf(stateDirectory),
      stateDirectory,
      resolve: (reference) => secrets.store.resolve(reference).secret,
      log,
    }),
    directoryAttributes,
    hardware: {
      disks: () => listDisks(),
      smart: (disk) => smartctlReport(disk),
      machine: machineFigures,
    },
    nfsClients: () => readClients(),
    engines: { kopia: config.kopia, restic: config.restic },
    hostNames: new HostNames({
      clock: systemClock,
      resolve: resolveHost,
      memory: new HostMemory(stateDirectory),
    }),
    jobs,
    treeUses: new TreeUses(database.connection),
    apply,
    doctor: {
      lastWriteError: () => ledger.lastWriteError,
      cacheError: () => cache.lastError,
      ledgerCopies: () => copies.checks(),
      durability: () => durabilityOf(stateDirectory),
    },
    forget: (place) => {
      memory.forget(place)
      catalog.forget(place)
    },
    log,
  })

  const ledgerCopies = () => copies.checks()
  const findingKeeper = new FindingKeeper({
    ...room,
    sources: findingSources({
      administration,
      keeper,
      catalog,
      ledger,
      memory,
      integrity,
      touched,
      ledgerCopies,
    }),
    clock: systemClock,
    log,
  })
  metrics.addCollector(findingMetrics(metrics.registry, room))
  metrics.addCollector(quotaMetrics(metrics.registry, administration.quotas))

  const common = {
    answerer,
    readiness,
    clusters: () => keeper.resolver,
    metrics,
    clock: systemClock,
    log,
    backend: "kopia-fs",
  }
  const accessLog = logging.logsRequests ? new AccessLog(logging.sink) : undefined
  const server = createDaemonServer({
    ...common,
    accessLog,
    anyMethod: dropIn !== undefined,
    ...(dropIn === undefined ? {} : { limits: { answerMs: Math.min(2_000, dropIn.httpTimeoutMs) } }),
  })
  const api = async () => (await import("./http/admin/index.js")).adminRoutes(administration)
  const admin = createDaemonServer({ ...common, accessLog: undefined, api })
  const socket = adminSocketPath(stateDirectory)

  const stop = async (): Promise<boolean> => {
    log.info("stopping")
    mounts.stop()
    const [jobsEnded, browsingEnded] = await Promise.all([
      jobs.stop(),
      administration.contents.stop(),
      stopServer(server, GRACE_MS),
      stopServer(admin, GRACE_MS),
      copies.stop(),
      administration.exportKeeper.stop(),
      administration.filesystemSnapshots.stop(),
      administration.quotas.stop(),
    ])
    const ended = (await catalog.stop()) && jobsEnded && browsingEnded
    findingKeeper.stop()
    ledger.asked.stop()
    cache.close()
    database.close()
    rmSync(passing ? stateDirectory : socket, { recursive: true, force: true })
    if (ended) log.info("stopped")
    else log.warn("stopped; work that hangs, such as in a store's filesystem, is left behind")
    accessLog?.flush()
    logging.flush()
    return ended
  }
  const mounts = watchMounts(() => {
    log.info("the mounts changed; looking at every store again")
    catalog.mountsChanged()
    void administration.exportKeeper.look()
  })
  try {
    declare()
    if (dropIn === undefined) administration.exportKeeper.start()
    administration.quotas.start()
    if (config.configFile !== undefined) {
      await applyAtStart(config.configFile, (text) => administration.apply(text, "CISTERN_CONFIG"), log)
    }
    ledger.asked.start()
    copies.start()
    administration.filesystemSnapshots.start()
    findingKeeper.start()
    jobs.start()
    // A socket that a killed daemon left behind; the state directory's lock says that no other one is alive.
    rmSync(socket, { force: true })
    await listen(admin, { path: socket })
    chmodSync(socket, 0o600)
    const { host, port } = config.listen
    // Without a host Node takes all addresses, and IPv4 alone where there is no IPv6.
    await listen(server, host === "::" ? { port } : { host, port })
  } catch (error) {
    await stop()
    throw error
  }
  const address = addressOf(server, config.listen.host)
  log.info({ address, state: stateDirectory, stores: keeper.catalogSpec().stores.length }, "listening")
  return { address, stop }
}

async function usableDropIn({ dropIn }: Config): Promise<KopiaFilesystemDropIn | undefined> {
  if (dropIn === undefined) return undefined
  if (dropIn.backend !== "kopia-fs") throw new ConfigError(dropIn.refusal)
  const fault = await repositoryPathFault(dropIn.repositoryPath)
  if (fault !== undefined) throw new ConfigError(fault)
  return dropIn
}

/** Stores on one filesystem keep the same disks busy. */
function diskOf(shelf: DatabaseShelf, store: string): string {
  return shelf.fence("store", store)?.mountPoint ?? store
}

function addressOf(server: DaemonServer, host: string): string {
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}
