import { mountOf } from "../../disk/index.js"
import { parseAddress } from "../../network.js"
import { isAround } from "../export.js"
import { oneAddress } from "./address.js"
import type { ClientInfo } from "./client-info.js"
import type { ClientState } from "./client-states.js"
import type { ExportTraffic } from "./export-stats.js"
import type { ClientsReading } from "./read-clients.js"
import type { ToldClients, ToldSession } from "./told.js"

/** Who knows of a client: the kernel's server, its record of version 3, TCP, the server's own interface. */
export type ClientSource = "kernel" | "rmtab" | "connections" | ToldSource
export type ToldSource = "ganesha" | "truenas" | "synology"

/** What a server told by its own interface. */
export interface ToldBy extends ToldClients {
  readonly source: ToldSource
}

/** Everything that is known of one address. */
export interface NfsClientRow {
  /** An address; a host's name where only rmtab knows it. */
  readonly address: string
  readonly sources: readonly ClientSource[]
  /** "3", "4.0" to "4.2". Empty where nobody can tell: a connection alone. */
  readonly versions: readonly string[]
  /** Kernels or programs that speak version 4 from there. */
  readonly instances: readonly ClientInfo[]
  /** What the server's own interface says of it. */
  readonly sessions: readonly ToldSession[]
  /** Undefined where connections cannot be told, as those of a NAS in a container of it. */
  readonly connections: number | undefined
  /** Paths that it once mounted by version 3. It may have unmounted them long ago. */
  readonly onceMounted: readonly string[]
  readonly held: readonly HeldFiles[]
  /** Exports that it uses by the server's own account. */
  readonly used: readonly string[]
  /** What it read and wrote by itself; undefined where the server counts it together with others. */
  readonly traffic: { readonly readBytes: number; readonly writtenBytes: number } | undefined
}

/** What a client of version 4 holds of one filesystem. */
export interface HeldFiles {
  /** Exports that the files may lie in; one: they do. None: of no filesystem that is exported. */
  readonly exports: readonly string[]
  readonly open: number
  readonly openToWrite: number
  readonly locks: number
  readonly delegations: number
  /** Names of some of them, as the clients chose them. */
  readonly names: readonly string[]
}

/** So many names help to recognise what it is. */
const MOST_NAMES = 5

/**
 * Puts together what is known of each address. `exported` are the paths that the server exports: an open file says on which filesystem it
 * lies, not in which export. `told`: what the server says by its own interface, which may be what the kernel's files say, too.
 */
export function combineClients(
  reading: ClientsReading,
  exported: readonly string[],
  told?: ToldBy,
): NfsClientRow[] {
  const { traffic, connections, mounts } = reading
  const version4 = reading.version4 ?? []
  const remembered = reading.remembered ?? []
  const others = (told?.version4 ?? []).filter(
    (one) => !version4.some(({ address, name }) => address === one.address && name === one.name),
  )
  const addresses = new Set([
    ...version4.map(({ address }) => address),
    ...(connections?.keys() ?? []),
    ...remembered.map(({ client }) => client),
    ...(told === undefined ? [] : toldAddresses(told)),
  ])
  return [...addresses].sort(byAddress).map((address) => {
    const isIts = (one: { readonly address: string }): boolean => one.address === address
    const [own, more] = [version4.filter(isIts), others.filter(isIts)]
    const instances = [...own, ...more]
    const rmtab = remembered.filter(({ client }) => client === address)
    const once = [...rmtab, ...(told?.remembered ?? []).filter(({ client }) => client === address)]
    const sessions = told?.sessions.filter(isIts) ?? []
    const isTold = told !== undefined && toldAddresses(told).includes(address)
    const count = connections?.get(address) ?? 0
    const versions = [
      ...(once.length > 0 ? ["3"] : []),
      ...instances.map(({ version }) => version),
      ...sessions.flatMap((one) => one.versions),
    ]
    return {
      address,
      sources: [
        ...(own.length > 0 ? (["kernel"] as const) : []),
        ...(isTold ? [told.source] : []),
        ...(rmtab.length > 0 ? (["rmtab"] as const) : []),
        ...(count > 0 ? (["connections"] as const) : []),
      ],
      versions: [...new Set(versions)].sort(),
      instances,
      sessions,
      connections: isTold && told.source !== "ganesha" && count === 0 ? undefined : connections && count,
      onceMounted: [...new Set(once.map(({ path }) => path))].sort(),
      held: heldFiles(
        [
          ...own.flatMap(({ states }) => states),
          ...more.flatMap(({ states }) => states.map((state) => seenHere(state, mounts))),
        ],
        exported,
        mounts,
      ),
      used: sessions.flatMap((one) => exportNamed(one.folder, exported) ?? []),
      traffic: ownTraffic(address, traffic, exported) ?? toldTraffic(sessions),
    }
  })
}

function toldAddresses({ version4, remembered, sessions }: ToldClients): string[] {
  return [...version4, ...sessions]
    .map(({ address }) => address)
    .concat(remembered.map(({ client }) => client))
}

/** A number of a device that another machine told means something here only where the same filesystem is mounted. */
function seenHere(state: ClientState, mounts: ClientsReading["mounts"]): ClientState {
  const isHere = mounts.some(({ device, type }) => device === state.device && type === "zfs")
  return isHere ? state : { ...state, device: undefined, inode: undefined }
}

/** A NAS system tells the name of a shared folder; undefined where several exports end so. */
function exportNamed(folder: string | undefined, exported: readonly string[]): string | undefined {
  const found = exported.filter((path) => path.endsWith(`/${folder ?? "/"}`))
  return found.length === 1 ? found[0] : undefined
}

function toldTraffic(sessions: readonly ToldSession[]): NfsClientRow["traffic"] {
  const counted = sessions.filter(({ readBytes }) => readBytes !== undefined)
  if (counted.length === 0) return undefined
  return {
    readBytes: counted.reduce((sum, { readBytes = 0 }) => sum + readBytes, 0),
    writtenBytes: counted.reduce((sum, { writtenBytes = 0 }) => sum + writtenBytes, 0),
  }
}

function heldFiles(
  states: readonly ClientState[],
  exported: readonly string[],
  mounts: ClientsReading["mounts"],
): HeldFiles[] {
  const byDevice = new Map<string | undefined, ClientState[]>()
  for (const state of states) {
    const beside = byDevice.get(state.device)
    if (beside === undefined) byDevice.set(state.device, [state])
    else beside.push(state)
  }
  return [...byDevice].map(([device, held]) => {
    const open = held.filter(({ kind }) => kind === "open")
    const count = (kind: ClientState["kind"]) => held.filter((state) => state.kind === kind).length
    return {
      exports: device === undefined ? [...exported].sort() : exportsOn(device, exported, mounts),
      open: open.length,
      openToWrite: open.filter(({ writes }) => writes).length,
      locks: count("lock"),
      delegations: count("delegation"),
      names: [...new Set(open.flatMap(({ file }) => file ?? []))].slice(0, MOST_NAMES),
    }
  })
}

/** Exports that hold something of a filesystem: they lie on it, or it is mounted in them. */
function exportsOn(device: string, exported: readonly string[], mounts: ClientsReading["mounts"]): string[] {
  const places = mounts.filter((mount) => mount.device === device).map(({ mountPoint }) => mountPoint)
  return exported
    .filter(
      (path) =>
        places.some((place) => isAround(path, place)) ||
        (mounts.length > 0 && mountOf(path, mounts).device === device),
    )
    .sort()
}

/**
 * Where the server counts for this address alone: of the entries that it counts by, which are all that a client matches, one is this
 * address. Its pseudo filesystem, which leads to the exports, does not count.
 */
function ownTraffic(
  address: string,
  traffic: readonly ExportTraffic[] | undefined,
  exported: readonly string[],
): NfsClientRow["traffic"] {
  const own = traffic?.filter(
    ({ path, clients }) => exported.includes(path) && clients.some((client) => isOnly(client, address)),
  )
  if (own === undefined || own.length === 0) return undefined
  return {
    readBytes: own.reduce((sum, { readBytes }) => sum + readBytes, 0),
    writtenBytes: own.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0),
  }
}

function isOnly(client: string, address: string): boolean {
  const [host = "", prefix] = client.split("/")
  const whole = prefix === undefined || prefix === (host.includes(":") ? "128" : "32")
  return whole && oneAddress(host) === address
}

/** IPv4 before IPv6, by number; host names last. */
function byAddress(one: string, other: string): number {
  const [first, second] = [parseAddress(one), parseAddress(other)]
  if (first === undefined || second === undefined) {
    if (first === second) return one < other ? -1 : 1
    return first === undefined ? 1 : -1
  }
  return first.family - second.family || (first.value < second.value ? -1 : 1)
}
