import type { StorageError } from "../../../storage/index.js"
import { isLoopback, parseAddress } from "../../../storage/network.js"
import {
  type ClientsReading,
  combineClients,
  type NfsClientRow,
  type ToldBy,
} from "../../../storage/nfs/index.js"
import type { Clock, Moment } from "../../catalog/index.js"
import { NetworkIndex } from "../../clusters/index.js"
import type { NfsClientJson, NfsClientsJson, NfsTrafficJson } from "../../http/contract/nfs-clients.js"
import type { ChosenNfsServer } from "./chosen-nfs-server.js"
import type { HostNames } from "./host-names.js"
import type { FleetKeeper } from "../fleet-keeper.js"
import type { Latest } from "../occasional.js"
import { type ServerAnswer, ToldClientsKeeper } from "./told-clients.js"

export interface NfsClientRowsParts {
  readonly keeper: Pick<FleetKeeper, "fleet">
  readonly clock: Clock
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  /** Who is connected to the kernel's NFS server. Never throws. */
  readonly nfsClients: () => ClientsReading
  readonly hostNames: Pick<HostNames, "last">
}

/** What was told longer ago says nothing about now. */
const OLD_MS = 60_000

type Problem = NfsClientsJson["problems"][number]

/** Who is connected to the machine's NFS server, and which cluster each of them belongs to. */
export class NfsClientRows {
  readonly #parts: NfsClientRowsParts
  readonly #told: ToldClientsKeeper

  constructor(parts: NfsClientRowsParts) {
    this.#parts = parts
    this.#told = new ToldClientsKeeper(parts.clock, parts.nfsServer)
  }

  async rows(): Promise<NfsClientsJson> {
    const { clock, nfsClients } = this.#parts
    const latest = await this.#told.latest()
    const now = clock.now()
    const reading = nfsClients()
    const { exported, problems = [] } = latest?.told?.value ?? {}
    const told = toldNow(latest?.told, now)
    const clusters = new NetworkIndex(this.#knownNetworks())
    const clients = combineClients(reading, exported ?? [], told).map((row) => clientOf(row, clusters, now))
    // Who is told by its own interface is not missed in the kernel's files.
    const missed = reading.problems.filter(({ code }) => told === undefined || code === "corrupt")
    const late = latest?.problem === undefined ? [] : [latest.problem]
    return {
      readAt: timeOf(now.wall),
      told: told === undefined ? null : { source: told.source, readAt: timeOf(latest?.told?.at ?? now.wall) },
      server: serverOf(reading),
      clients,
      traffic: trafficOf(reading, exported, told, now),
      notices: clients.filter(isStranger).map((client) => noticeOf(client, this.#namesNetgroups())),
      problems: [...missed, ...problems, ...late].map(problemOf),
    }
  }

  /** Also the addresses of hosts that exports name besides. */
  #knownNetworks(): { name: string; networks: readonly string[] }[] {
    const { clusters, exports } = this.#parts.keeper.fleet.document
    const named = this.#parts.hostNames.last()
    return [
      ...clusters,
      ...exports.map(({ cluster, hosts }) => ({
        name: cluster,
        networks: hosts.flatMap((host) => named.get(host)?.addresses ?? []),
      })),
    ]
  }

  #namesNetgroups(): boolean {
    return this.#parts.keeper.fleet.document.exports.some(({ netgroups }) => netgroups.length > 0)
  }
}

/** Who was there a while ago is not who is there now: while nobody tells anew, it is not known. */
function toldNow(latest: Latest<ServerAnswer>["told"], now: Moment): ToldBy | undefined {
  const told = latest?.value.told
  if (latest === undefined || told === undefined) return undefined
  const ageMs = now.wall - latest.at
  if (ageMs < 0 || ageMs > OLD_MS) return undefined
  const version4 = told.version4.map((one) => ({
    ...one,
    secondsSinceRenew: one.secondsSinceRenew === undefined ? undefined : one.secondsSinceRenew + ageMs / 1000,
  }))
  return { ...told, version4 }
}

function serverOf({ threads, versions, counters }: ClientsReading): NfsClientsJson["server"] {
  if (threads === undefined) return null
  return {
    running: threads > 0,
    threads,
    versions: versions === undefined ? null : [...versions],
    readBytes: counters?.readBytes ?? null,
    writtenBytes: counters?.writtenBytes ?? null,
    version3: counters?.version3 ?? null,
    version4: counters?.version4 ?? null,
  }
}

function clientOf(row: NfsClientRow, networks: NetworkIndex, now: Moment): NfsClientJson {
  const { address, instances, held, traffic, sessions } = row
  const [cluster] = networks.clustersOf(address)
  const parsed = parseAddress(address)
  const isMachine = parsed !== undefined && isLoopback(parsed)
  const seen = [
    ...instances.flatMap(({ secondsSinceRenew: age }) => (age === undefined ? [] : [now.wall - age * 1000])),
    ...sessions.flatMap(({ seenAt }) => seenAt ?? []),
  ]
  const mounts = new Set([
    ...held.flatMap(({ exports }) => (exports.length === 1 ? exports : [])),
    ...row.used,
  ])
  return {
    address,
    sources: [...row.sources],
    cluster: cluster ?? null,
    kind: cluster !== undefined ? "cluster" : isMachine ? "machine" : "stranger",
    versions: [...row.versions],
    names: [...new Set(instances.flatMap(({ name }) => name ?? []))],
    implementations: [...new Set(instances.flatMap(({ implementation }) => implementation ?? []))],
    state: stateOf(row),
    renewedAt: seen.length === 0 ? null : timeOf(Math.max(...seen)),
    connections: row.connections ?? null,
    mounts: mounts.size === 0 ? null : [...mounts].sort(),
    onceMounted: [...row.onceMounted],
    held: held.map(({ exports, names, ...counts }) => ({
      exports: [...exports],
      names: [...names],
      ...counts,
    })),
    readBytes: traffic?.readBytes ?? null,
    writtenBytes: traffic?.writtenBytes ?? null,
  }
}

function stateOf({ instances, connections, sessions }: NfsClientRow): NfsClientJson["state"] {
  const best = (["confirmed", "unconfirmed", "courtesy", "expirable"] as const).find((status) =>
    instances.some((one) => one.status === status),
  )
  if (best !== undefined) return best
  if (sessions.some(({ isConnected }) => isConnected)) return "connected"
  if (connections === undefined) return "unknown"
  if (connections > 0) return instances.length > 0 ? "unknown" : "connected"
  return instances.length > 0 ? "unknown" : "remembered"
}

function trafficOf(
  { traffic }: ClientsReading,
  exported: readonly string[] | undefined,
  told: ToldBy | undefined,
  now: Moment,
): NfsTrafficJson[] | null {
  const byKernel = traffic?.map(({ path, clients, sinceSeconds, ...counts }) => ({
    directory: path,
    clients: [...clients],
    since: timeOf(now.wall - Math.max(0, now.mono - sinceSeconds * 1000)),
    ...counts,
  }))
  const byServer = told?.traffic?.map(({ path, since, ...counts }) => ({
    directory: path,
    clients: [],
    since: timeOf(since),
    ...counts,
    staleHandles: null,
  }))
  if (byKernel === undefined && byServer === undefined) return null
  return (
    [...(byKernel ?? []), ...(byServer ?? [])]
      // The others are the way to the exports, which the server makes up.
      .filter(({ directory }) => exported === undefined || exported.includes(directory))
      .sort((one, other) => (one.directory < other.directory ? -1 : 1))
  )
}

/** Who is there now. What rmtab remembers, and what fell silent, may be gone for months. */
function isStranger({ kind, state, connections }: NfsClientJson): boolean {
  return kind === "stranger" && ((connections ?? 0) > 0 || state === "confirmed" || state === "connected")
}

function noticeOf({ address, names, mounts }: NfsClientJson, netgroups: boolean): Problem {
  const called = names.length === 0 ? "" : ` (calls itself ${names.join(", ")})`
  const uses = mounts === null ? "" : ` and holds files of ${mounts.join(", ")}`
  return {
    code: "stranger",
    message: `${address}${called} is connected to the NFS server${uses}, and is in no declared cluster's networks`,
    hint: `Find out who it is, and who may mount what: \`cistern exports\`.${netgroups ? " It may be of a netgroup that an export names." : ""} If it belongs to a cluster, add its network there.`,
  }
}

function problemOf({ code, message, hint }: StorageError): Problem {
  return { code, message, hint: hint ?? null }
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
