import { join } from "node:path"
import { MessageChannel } from "node:worker_threads"
import {
  copyTarget,
  DatabaseShelf,
  findingSources,
  FleetKeeper,
  HostMemory,
  HostNames,
  isListed,
  LedgerAdoption,
  LedgerCopies,
  LocalAdministration,
  type LocalAdministrationParts,
  AdministratorViews,
  type LentRepository,
  declaredSchedules,
  JobSubjects,
  TouchedVolumes,
} from "../../server/administration/index.js"
import {
  Answerer,
  familyOf,
  FreshOnceGrants,
  KnownVolumes,
  LedgerMemory,
  storeOf,
} from "../../server/answers/index.js"
import {
  Catalog,
  type CatalogMethods,
  type CatalogParts,
  type Clock,
  type ListingRhythm,
  Pulse,
  Rpc,
  type StoreConnection,
  type StoreMethods,
  StoreService,
  systemClock,
} from "../../server/catalog/index.js"
import {
  Acknowledgements,
  openBlobCache,
  openDatabase,
  ProjectIdTable,
  SnapshotIntegrityTable,
  SnapshotRuns,
  type StateDatabase,
  TreeUses,
  JobMemory,
  Runs,
} from "../../server/db/index.js"
import type { Decision, StateFact } from "../../server/decision/index.js"
import {
  FindingKeeper,
  type FindingsRoom,
  openFindings,
  SnapshotIntegrity,
} from "../../server/findings/index.js"
import type { ExistsAnswer } from "../../server/http/index.js"
import { Jobs, tidyJob } from "../../server/jobs/index.js"
import { Ledger } from "../../server/ledger/index.js"
import { openSecrets } from "../../server/secrets/index.js"
import { directoryAttributes } from "../../storage/host/index.js"
import type { KeyMemory } from "../../storage/index.js"
import { type NfsServer, readClients } from "../../storage/nfs/index.js"
import { findProgram } from "./programs.js"

/** A clock that a test can set: the wall clock and the monotonic one apart. Milliseconds. */
export class SettableClock implements Clock {
  wallOffset = 0
  monoOffset = 0

  now(): ReturnType<Clock["now"]> {
    const { mono, wall } = systemClock.now()
    return { mono: mono + this.monoOffset, wall: wall + this.wallOffset }
  }
}

/** Stretched keys for all chains of a test file: stretching takes most of a second each, and is not what they are about. */
export const sharedKeys: KeyMemory = rememberingKeys()

function rememberingKeys(): KeyMemory {
  const keys = new Map<string, Uint8Array>()
  const name = (label: string, password: { reveal(): string }): string => `${label}\0${password.reveal()}`
  return {
    recall: (label, password) => Promise.resolve(keys.get(name(label, password))),
    remember: (label, password, key) => {
      keys.set(name(label, password), key)
      return Promise.resolve()
    },
  }
}

export interface ChainOptions {
  readonly state: string
  readonly clock?: Clock
  readonly lent?: LentRepository
  readonly durability?: StateFact
  readonly rhythm?: ListingRhythm
  /** Changes what the parts of the daemon see; a fault between two of them. */
  readonly connect?: (connect: CatalogParts["connect"]) => CatalogParts["connect"]
  readonly events?: boolean
  /** What the machine's NFS server exports. */
  readonly nfsServer?: NfsServer
  /** Makes what the document names; instead of `nfsServer`. */
  readonly makeNfsServer?: LocalAdministrationParts["makeNfsServer"]
  /** Whether something of ours may be exported from before. */
  readonly mayHold?: () => boolean
  readonly hardware?: LocalAdministrationParts["hardware"]
  readonly nfsClients?: LocalAdministrationParts["nfsClients"]
  /** The addresses that a host's name has. */
  readonly resolveHost?: (name: string) => Promise<readonly string[]>
}

/** Never by itself: only questions list, so that a test says when. */
export const stillRhythm: ListingRhythm = {
  activeMs: 3_600_000,
  idleMs: 3_600_000,
  quietAfterMs: 3_600_000,
  blindMs: 3_600_000,
}

/** A machine without an NFS server. */
const noServer: NfsServer = {
  kind: "kernel",
  state: () => Promise.resolve(undefined),
  refusals: () => Promise.resolve([]),
  plan: () => Promise.resolve({ added: [], removed: [] }),
  apply: () => Promise.reject(new Error("this machine has no NFS server")),
}

/** The one of the machine, whichever the document names. */
function onlyServer({
  nfsServer = noServer,
  mayHold = () => true,
}: ChainOptions): LocalAdministrationParts["makeNfsServer"] {
  const close = (): Promise<void> => Promise.resolve()
  const made = { server: nfsServer, mayHold, isStale: () => false, close }
  return ({ kind }) => (kind === "none" ? undefined : made)
}

/** A machine that shows none of its disks. */
const noHardware: LocalAdministrationParts["hardware"] = {
  disks: () => undefined,
  smart: () => Promise.reject(new Error("this machine has no disks")),
  machine: () => Promise.resolve(idleMachine),
}

export const idleMachine = {
  uptimeSeconds: 1,
  processors: 1,
  load: [0, 0, 0],
  memory: { totalBytes: 1000, availableBytes: 900, swapTotalBytes: 0, swapFreeBytes: 0 },
} as const

const noClients: LocalAdministrationParts["nfsClients"] = () => {
  const nowhere = "/nonexistent"
  return readClients({ nfsd: nowhere, net: nowhere, rmtab: nowhere, mountinfo: "/proc/self/mountinfo" })
}

/** The daemon without its doors: everything between a store's files and an answer, put together as `main.ts` does it. */
export class Chain {
  readonly database: StateDatabase
  readonly ledger: Ledger
  readonly memory: LedgerMemory
  readonly integrity: SnapshotIntegrity
  readonly findings: FindingsRoom
  /** Looks only when a test says so. */
  readonly findingKeeper: FindingKeeper
  readonly keeper: FleetKeeper
  readonly catalog: Catalog
  readonly answerer: Answerer
  readonly shelf: DatabaseShelf
  readonly views: AdministratorViews
  readonly administration: LocalAdministration
  /** Copies only when a test says so. */
  readonly copies: LedgerCopies
  readonly clock: Clock
  /** Everything said to the log, as text. */
  readonly logged: string[] = []
  readonly #cache

  constructor(options: ChainOptions) {
    const { state, clock = systemClock, lent } = options
    const log = {
      info: (fields: object, message: string) => void this.logged.push(`${message} ${textOf(fields)}`),
      warn: (fields: object, message: string) => void this.logged.push(`${message} ${textOf(fields)}`),
    }
    this.clock = clock
    this.database = openDatabase(state)
    this.#cache = openBlobCache(state)
    this.ledger = new Ledger(this.database)
    const secrets = openSecrets(this.database, join(state, "key"), {})
    this.shelf = new DatabaseShelf(this.database, secrets.store)
    const known = new KnownVolumes()
    for (const { cluster, namespace, pvc } of this.ledger.asked.all()) known.add(cluster, { namespace, pvc })
    const { shelf, ledger } = this
    this.integrity = new SnapshotIntegrity(new SnapshotIntegrityTable(this.database.connection))
    const { integrity } = this
    this.findings = openFindings(this.database, { now: () => clock.now().wall, log })
    this.memory = new LedgerMemory({
      ledger,
      integrity,
      clock,
      marks: shelf.marks,
      keepFence: shelf.keepFence,
      log,
    })
    const keeper = new FleetKeeper(shelf.current(), {
      resolve: (reference) => secrets.store.resolve(reference).secret,
      fence: (kind, name) => shelf.fence(kind, name),
      hasEvents: () => options.events ?? false,
      trustedHops: [],
      lent,
      log,
    })
    this.keeper = keeper
    const freshOnceGrants = new FreshOnceGrants({
      windows: ledger.freshOnce,
      fleet: () => keeper.fleet,
      clock,
      log,
    })
    const connect: CatalogParts["connect"] = ({ events }, methods) => this.#connect(events, methods)
    const catalog = new Catalog({
      clock,
      connect: options.connect?.(connect) ?? connect,
      keys: sharedKeys,
      projects: new ProjectIdTable(this.database.connection),
      witness: (seen) => {
        const remembered = this.memory.witness(seen)
        if (remembered) freshOnceGrants.witnessed(seen)
        return remembered
      },
      renew: (spec) => keeper.renew(spec),
      marksOf: (place) => this.memory.marksOf(place),
      rhythm: options.rhythm ?? stillRhythm,
      log,
    })
    this.catalog = catalog
    const declare = (): void => {
      known.redeclared()
      catalog.declare(keeper.catalogSpec())
    }
    this.answerer = new Answerer({
      clock,
      fleet: () => keeper.fleet,
      views: catalog,
      memory: this.memory,
      known,
      state: options.durability ?? { kind: "lasts" },
      specOf: (repository, spot) => keeper.specOf(repository, spot),
      directories: (repository) =>
        catalog.views().flatMap(({ spec }) => keeper.pathAt(repository, spec.place) ?? []),
      freshOnce: (cluster, volume, newestComplete) => freshOnceGrants.fact(cluster, volume, newestComplete),
      asked: (cluster, volume, { decision }) => {
        ledger.asked.note({ cluster, ...volume }, decision, clock.now().wall)
      },
      shared: () => undefined,
    })
    this.views = new AdministratorViews({
      keeper,
      catalog,
      answerer: this.answerer,
      known,
      integrity: this.integrity,
      clock,
    })
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
      hangs: () => false,
      copyOf: (sentinel, at) => ledger.copyOf(sentinel, at),
      keep: (store, fences, bytes) => catalog.stores.keepLedgerCopy(store, fences, bytes),
      log,
    })
    this.copies = copies
    const jobSubjects = new JobSubjects({ keeper, catalog })
    const jobs = new Jobs({
      stateDirectory: state,
      kinds: (parts) => [tidyJob({ ...parts, now: () => clock.now().wall })],
      runs: new Runs(this.database.connection),
      memory: new JobMemory(this.database.connection),
      clock,
      subjects: (type) => jobSubjects.all(type),
      isDeclared: (subject) => jobSubjects.isDeclared(subject),
      diskOf: () => undefined,
      moverAt: (subject) => jobSubjects.moverAt(subject, clock.now().wall),
      schedules: () => declaredSchedules(keeper.fleet.document),
      quiet: () => keeper.fleet.document.quietHours,
      log: { ...log, error: () => undefined },
    })
    const apply: LocalAdministrationParts["apply"] = {
      shelf,
      jobs: () => [...jobs.kinds.values()],
      secrets: secrets.store,
      fenceOf: (store) => shelf.fence("store", store),
      takeStoreFence: (store, sentinel) => {
        catalog.openStore({ name: store.name, path: store.path, events: options.events ?? false })
        return catalog.stores.takeFence(store.name, {
          path: store.path,
          allowRoot: store.allowRoot,
          sentinel,
        })
      },
      adoptLedger: (store, sentinel) => adoption.adopt(store, sentinel),
      declared: (document) => {
        keeper.replace(document)
        declare()
        copies.redeclared()
      },
      record: () => undefined,
    }
    this.administration = new LocalAdministration({
      views: this.views,
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
      acknowledgements: new Acknowledgements(this.database.connection),
      snapshotRuns: new SnapshotRuns(this.database.connection),
      findings: this.findings.views,
      makeNfsServer: options.makeNfsServer ?? onlyServer(options),
      directoryAttributes: (directories) => directoryAttributes(directories),
      hardware: options.hardware ?? noHardware,
      nfsClients: options.nfsClients ?? noClients,
      engines: { kopia: findProgram("kopia"), restic: findProgram("restic") },
      hostNames: new HostNames({
        clock,
        resolve: options.resolveHost ?? (() => Promise.reject(new Error("this machine has no name server"))),
        memory: new HostMemory(state),
      }),
      jobs,
      treeUses: new TreeUses(this.database.connection),
      apply,
      doctor: {
        lastWriteError: () => ledger.lastWriteError,
        cacheError: () => undefined,
        ledgerCopies: () => copies.checks(),
        durability: () => ({ durable: true }),
      },
      forget: (place) => {
        this.memory.forget(place)
        catalog.forget(place)
      },
      log,
    })
    const { administration, memory } = this
    this.findingKeeper = new FindingKeeper({
      ...this.findings,
      sources: findingSources({
        administration,
        keeper,
        catalog,
        ledger,
        memory,
        integrity,
        touched: new TouchedVolumes(keeper, catalog),
        jobs,
        now: () => clock.now().wall,
        ledgerCopies: () => copies.checks(),
      }),
      clock,
      log,
    })
    declare()
  }

  /** Applies a document; every acknowledgement that it wants is given. */
  async apply(document: object): Promise<void> {
    const request = { document: JSON.stringify(document), dryRun: false, remove: true, accept: [] }
    const planned = await this.administration.apply({ ...request, dryRun: true }, "test")
    const accept = planned.acknowledgements.map(({ id }) => id)
    const { applied } = await this.administration.apply({ ...request, accept }, "test")
    if (!applied) throw new Error("the document was not applied")
  }

  /** What `/exists` would answer, as a cluster's question that arrives now. */
  async ask(volume: string, cluster = "home", waitMs = 30_000): Promise<ExistsAnswer> {
    const [namespace = "", pvc = ""] = volume.split("/")
    const arrivedAt = this.clock.now()
    return this.answerer.answer({
      cluster: { kind: "certain", name: cluster },
      namespace,
      pvc,
      evidence: true,
      arrivedAt,
      // Far later than the wire would wait: this machine may be busy, and time is not what is asked about.
      deadline: arrivedAt.mono + waitMs,
    })
  }

  /** `restore`, `fresh`, or the code of the reason for `unknown`. */
  async verdict(volume: string, cluster = "home", waitMs = 30_000): Promise<string> {
    const answer = await this.ask(volume, cluster, waitMs)
    return answer.decision === "unknown" ? (/^\w+/.exec(answer.error)?.[0] ?? "") : answer.decision
  }

  /** Lists everything that is held, anew. */
  async lookAgain(): Promise<void> {
    for (const { spec } of this.catalog.views()) {
      const repository = this.keeper.repositoryAt(spec.place)
      if (repository === undefined) continue
      await this.catalog.listNow(spec, storeOf(repository), familyOf(repository))
    }
  }

  /** What memory alone says, for a question that arrives now: nothing is looked at. */
  remembered(volume: string, cluster = "home"): Decision {
    const [namespace = "", pvc = ""] = volume.split("/")
    return this.answerer.decide({ namespace, pvc }, { kind: "certain", name: cluster }, this.clock.now())
  }

  async stop(): Promise<void> {
    await this.catalog.stop()
    this.ledger.asked.stop()
    this.#cache.close()
    this.database.close()
  }

  /** The reading side of a store without a thread of its own, so that nothing has to be compiled for it. */
  #connect(events: boolean, methods: CatalogMethods): StoreConnection {
    const { port1, port2 } = new MessageChannel()
    const pulse = new Pulse()
    new StoreService(port2, { memoryOf: (place) => this.#cache.of(place), events, clock: this.clock, pulse })
    const rpc = new Rpc<StoreMethods>(port1, methods)
    return {
      rpc,
      pulse,
      close: () => {
        rpc.abandon(new Error("the daemon stops"))
        port1.close()
        port2.close()
        return Promise.resolve(true)
      },
    }
  }
}

function textOf(fields: object): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value instanceof Error ? value.message : String(value)}`)
    .join(" ")
}
