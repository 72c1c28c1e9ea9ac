import { StorageError } from "../../../storage/index.js"
import { isLoopback, parseAddress } from "../../../storage/network.js"
import { type ClientsReading, combineClients, type NfsClientRow } from "../../../storage/nfs/index.js"
import type { Clock, Moment } from "../../catalog/index.js"
import { NetworkIndex } from "../../clusters/index.js"
import type { NfsClientJson, NfsClientsJson, NfsTrafficJson } from "../../http/contract/nfs-clients.js"
import type { ChosenNfsServer } from "./chosen-nfs-server.js"
import type { HostNames } from "./host-names.js"
import type { FleetKeeper } from "../fleet-keeper.js"

export interface NfsClientRowsParts {
  readonly keeper: Pick<FleetKeeper, "fleet">
  readonly clock: Clock
  readonly nfsServer: Pick<ChosenNfsServer, "current">
  /** Who is connected to the kernel's NFS server. Never throws. */
  readonly nfsClients: () => ClientsReading
  readonly hostNames: Pick<HostNames, "last">
}

type Problem = NfsClientsJson["problems"][number]

/** Who is connected to the machine's NFS server, and which cluster each of them belongs to. */
export class NfsClientRows {
  readonly #parts: NfsClientRowsParts

  constructor(parts: NfsClientRowsParts) {
    this.#parts = parts
  }

  async rows(): Promise<NfsClientsJson> {
    const { clock, nfsClients } = this.#parts
    const { exported, problem } = await this.#exported()
    const now = clock.now()
    const reading = nfsClients()
    const clusters = new NetworkIndex(this.#knownNetworks())
    const clients = combineClients(reading, exported ?? []).map((row) => clientOf(row, clusters, now))
    return {
      readAt: timeOf(now.wall),
      server: serverOf(reading),
      clients,
      traffic: trafficOf(reading, exported, now),
      notices: clients.filter(isStranger).map((client) => noticeOf(client, this.#namesNetgroups())),
      problems: [...reading.problems.map(problemOf), ...(problem === undefined ? [] : [problem])],
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

  /** The directories that the server exports; undefined where that cannot be told. */
  async #exported(): Promise<{ exported?: readonly string[]; problem?: Problem }> {
    try {
      const state = await this.#parts.nfsServer.current?.state()
      return state === undefined ? {} : { exported: [...new Set(state.active.map(({ path }) => path))] }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      return { problem: problemOf(error) }
    }
  }
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
  const { address, instances, held, traffic } = row
  const [cluster] = networks.clustersOf(address)
  const parsed = parseAddress(address)
  const isMachine = parsed !== undefined && isLoopback(parsed)
  const renewals = instances.flatMap(({ secondsSinceRenew }) => secondsSinceRenew ?? [])
  const mounts = new Set(held.flatMap(({ exports }) => (exports.length === 1 ? exports : [])))
  return {
    address,
    cluster: cluster ?? null,
    kind: cluster !== undefined ? "cluster" : isMachine ? "machine" : "stranger",
    versions: [...row.versions],
    names: [...new Set(instances.flatMap(({ name }) => name ?? []))],
    implementations: [...new Set(instances.flatMap(({ implementation }) => implementation ?? []))],
    state: stateOf(row),
    renewedAt: renewals.length === 0 ? null : timeOf(now.wall - Math.min(...renewals) * 1000),
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

function stateOf({ instances, connections }: NfsClientRow): NfsClientJson["state"] {
  const best = (["confirmed", "unconfirmed", "courtesy", "expirable"] as const).find((status) =>
    instances.some((one) => one.status === status),
  )
  if (best !== undefined) return best
  if (connections === undefined) return "unknown"
  if (connections > 0) return instances.length > 0 ? "unknown" : "connected"
  return instances.length > 0 ? "unknown" : "remembered"
}

function trafficOf(
  { traffic }: ClientsReading,
  exported: readonly string[] | undefined,
  now: Moment,
): NfsTrafficJson[] | null {
  if (traffic === undefined) return null
  return (
    traffic
      // The others are the way to the exports, which the server makes up.
      .filter(({ path }) => exported === undefined || exported.includes(path))
      .map(({ path, clients, sinceSeconds, readBytes, writtenBytes, staleHandles }) => ({
        directory: path,
        clients: [...clients],
        since: timeOf(now.wall - Math.max(0, now.mono - sinceSeconds * 1000)),
        readBytes,
        writtenBytes,
        staleHandles,
      }))
      .sort((one, other) => (one.directory < other.directory ? -1 : 1))
  )
}

/** Who is there now. What rmtab remembers, and what fell silent, may be gone for months. */
function isStranger({ kind, state, connections }: NfsClientJson): boolean {
  return kind === "stranger" && ((connections ?? 0) > 0 || state === "confirmed")
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
