import { MessageChannel } from "node:worker_threads"
import type {
  AdministratorViews,
  DatabaseShelf,
  FleetKeeper,
  LedgerCopies,
  LentRepository,
  LocalAdministration,
  LocalAdministrationParts,
} from "../../server/administration/index.js"
import { type Answerer, familyOf, type LedgerMemory, storeOf } from "../../server/answers/index.js"
import {
  type Catalog,
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
import { type Kept, openKept, putTogether, type Surroundings } from "../../server/daemon/index.js"
import type { StateDatabase } from "../../server/db/index.js"
import type { Decision, StateFact } from "../../server/decision/index.js"
import type { FindingKeeper, FindingsRoom, SnapshotIntegrity } from "../../server/findings/index.js"
import type { ExistsAnswer } from "../../server/http/index.js"
import type { Ledger } from "../../server/ledger/index.js"
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

/** The daemon without its doors: everything between a store's files and an answer. */
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
  readonly #kept: Kept

  constructor(options: ChainOptions) {
    const { state, clock = systemClock, lent } = options
    const say = (fields: object, message: string): void =>
      void this.logged.push(`${message} ${textOf(fields)}`)
    this.clock = clock
    const events = options.events ?? false
    const connect: CatalogParts["connect"] = (_, methods) => this.#connect(events, methods)
    const surroundings: Surroundings = {
      stateDirectory: state,
      state: options.durability ?? { kind: "lasts" },
      environment: {},
      clock,
      lent,
      connect: options.connect?.(connect) ?? connect,
      keys: sharedKeys,
      rhythm: options.rhythm ?? stillRhythm,
      hasEvents: () => events,
      nfsServers: () => options.makeNfsServer ?? onlyServer(options),
      directoryAttributes: (directories) => directoryAttributes(directories),
      hardware: options.hardware ?? noHardware,
      nfsClients: options.nfsClients ?? noClients,
      engines: { kopia: findProgram("kopia"), restic: findProgram("restic") },
      resolveHost:
        options.resolveHost ?? (() => Promise.reject(new Error("this machine has no name server"))),
      durability: () => ({ durable: true }),
      log: { info: say, warn: say, error: say },
    }
    this.#kept = openKept(surroundings)
    const core = putTogether(this.#kept, surroundings)
    this.database = core.database
    this.ledger = core.ledger
    this.memory = core.memory
    this.integrity = core.integrity
    this.findings = core.findings
    this.findingKeeper = core.findingKeeper
    this.keeper = core.keeper
    this.catalog = core.catalog
    this.answerer = core.answerer
    this.shelf = core.shelf
    this.views = core.views
    this.administration = core.administration
    this.copies = core.copies
    core.declare()
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
    this.#kept.close()
  }

  /** The reading side of a store without a thread of its own, so that nothing has to be compiled for it. */
  #connect(events: boolean, methods: CatalogMethods): StoreConnection {
    const { port1, port2 } = new MessageChannel()
    const pulse = new Pulse()
    new StoreService(port2, {
      memoryOf: (place) => this.#kept.cache.of(place),
      events,
      clock: this.clock,
      pulse,
    })
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
