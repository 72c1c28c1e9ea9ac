import { chmodSync, rmSync } from "node:fs"
import { durabilityOf, hasFileEvents } from "../storage/disk/index.js"
import { directoryAttributes, machineFigures, smartctlReport } from "../storage/host/index.js"
import { listDisks } from "../storage/hardware/index.js"
import { readClients } from "../storage/nfs/index.js"
import {
  applyAtStart,
  findingMetrics,
  fleetMetrics,
  lentByDropIn,
  nfsServerMaker,
  quotaMetrics,
  resolveHost,
} from "./administration/index.js"
import { ClusterReadiness, familyOf } from "./answers/index.js"
import { defaultRhythm, startStoreThread, systemClock, watchMounts } from "./catalog/index.js"
import {
  adminSocketPath,
  type Config,
  ConfigError,
  type KopiaFilesystemDropIn,
  repositoryPathFault,
} from "./config/index.js"
import {
  type DaemonCore,
  openKept,
  ownerOf,
  putTogether,
  stateDirectoryOf,
  type Surroundings,
} from "./daemon/index.js"
import {
  AccessLog,
  createDaemonServer,
  type DaemonServer,
  listen,
  Metrics,
  stopServer,
} from "./http/index.js"
import { type JobKind, jobMetrics } from "./jobs/index.js"
import { createLog } from "./log.js"

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
  const metrics = new Metrics("kopia-fs")
  const jobCounts = jobMetrics(metrics.registry)
  const surroundings = thisMachine(config, {
    ...{ stateDirectory, state, moreJobs, log },
    lent: dropIn && lentByDropIn(dropIn),
    counts: {
      shared: () => {
        metrics.countShared()
      },
      ended: jobCounts.ended,
    },
  })
  const core = putTogether(openKept(surroundings), surroundings)
  const { administration, catalog, copies, findingKeeper, findings, jobs, keeper, ledger } = core
  metrics.addCollector(() => {
    jobCounts.collect(jobs)
  })
  metrics.addCollector(fleetMetrics(metrics.registry, core.views))
  metrics.addCollector(findingMetrics(metrics.registry, findings))
  metrics.addCollector(quotaMetrics(metrics.registry, administration.quotas))

  const common = {
    answerer: core.answerer,
    readiness: readinessOf(core),
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
    core.close()
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
    findingKeeper.hasten("stores")
  })
  try {
    core.declare()
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

type Given = Pick<Surroundings, "stateDirectory" | "state" | "lent" | "moreJobs" | "counts" | "log">

/** The machine that this process runs on. */
function thisMachine({ keyFile, kopia, restic }: Config, given: Given): Surroundings {
  const { stateDirectory, log } = given
  return {
    ...given,
    keyFile,
    environment: process.env,
    clock: systemClock,
    connect: ({ events }, methods, died) => startStoreThread({ stateDirectory, events }, methods, died),
    rhythm: defaultRhythm,
    hasEvents: hasFileEvents,
    nfsServers: (resolve) => nfsServerMaker({ owner: ownerOf(stateDirectory), stateDirectory, resolve, log }),
    directoryAttributes,
    hardware: {
      disks: () => listDisks(),
      smart: (disk) => smartctlReport(disk),
      machine: machineFigures,
    },
    nfsClients: () => readClients(),
    engines: { kopia, restic },
    resolveHost,
    durability: () => durabilityOf(stateDirectory),
  }
}

async function usableDropIn({ dropIn }: Config): Promise<KopiaFilesystemDropIn | undefined> {
  if (dropIn === undefined) return undefined
  if (dropIn.backend !== "kopia-fs") throw new ConfigError(dropIn.refusal)
  const fault = await repositoryPathFault(dropIn.repositoryPath)
  if (fault !== undefined) throw new ConfigError(fault)
  return dropIn
}

function readinessOf({ keeper, catalog, memory }: DaemonCore): ClusterReadiness {
  return new ClusterReadiness({
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
}

function addressOf(server: DaemonServer, host: string): string {
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}
