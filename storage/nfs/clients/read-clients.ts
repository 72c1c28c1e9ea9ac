import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileError } from "../../blobs/index.js"
import { type Mount, readMounts } from "../../disk/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { type ClientInfo, parseClientInfo } from "./client-info.js"
import { type ClientState, parseClientStates } from "./client-states.js"
import { parseConnections } from "./connections.js"
import { type ExportTraffic, parseExportStats } from "./export-stats.js"
import { parseRmtab, type RememberedMount } from "./rmtab.js"
import { parseServerCounters, type ServerCounters } from "./server-counters.js"
import { parsePorts, parseThreads, parseVersions } from "./server-settings.js"

/** Where the kernel's NFS server and nfs-utils tell of their clients. */
export interface ClientFiles {
  readonly nfsd: string
  /** Of the network that the server is in. */
  readonly net: string
  readonly rmtab: string
  readonly mountinfo: string
}

export const clientFiles: ClientFiles = {
  nfsd: "/proc/fs/nfsd",
  net: "/proc/net",
  rmtab: "/var/lib/nfs/rmtab",
  mountinfo: "/proc/self/mountinfo",
}

/** What could be read; each part is undefined where it cannot be told. */
export interface ClientsReading {
  readonly threads: number | undefined
  readonly versions: readonly string[] | undefined
  readonly counters: ServerCounters | undefined
  /** Clients of version 4, with what they hold. */
  readonly version4: readonly (ClientInfo & { readonly states: readonly ClientState[] })[] | undefined
  readonly traffic: readonly ExportTraffic[] | undefined
  /** [] where nfs-utils keeps no such file. */
  readonly remembered: readonly RememberedMount[] | undefined
  /** Established connections to the server, by the client's address. */
  readonly connections: ReadonlyMap<string, number> | undefined
  /** Of this machine: what a client holds says on which filesystem it is. */
  readonly mounts: readonly Mount[]
  /** Why something is undefined, unless this kernel does not tell it. */
  readonly problems: readonly StorageError[]
}

const NFS_PORT = 2049

/** Reads who is connected to the kernel's NFS server. Touches no exported filesystem, and asks no client. Never throws. */
export function readClients(files: ClientFiles = clientFiles): ClientsReading {
  const problems: StorageError[] = []
  const told = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      problems.push(error)
      return undefined
    }
  }
  const parsed = <T>(name: string, parse: (text: string, file: string) => T): T | undefined =>
    told(() => {
      const file = join(files.nfsd, name)
      const text = textOf(file)
      return text === undefined ? undefined : parse(text, file)
    })
  const threads = parsed("threads", parseThreads)
  const there = threads !== undefined || problems.length > 0
  if (!there) problems.push(noServer(files))
  const ports = parsed("portlist", parsePorts) ?? []
  return {
    threads,
    versions: parsed("versions", parseVersions),
    traffic: parsed("export_stats", parseExportStats),
    version4: there ? told(() => version4Clients(join(files.nfsd, "clients"))) : undefined,
    counters: there ? told(() => countersOf(join(files.net, "rpc/nfsd"))) : undefined,
    remembered: there ? told(() => parseRmtab(textOf(files.rmtab) ?? "")) : undefined,
    connections: told(() => connectionsIn(files.net, new Set(ports.length === 0 ? [NFS_PORT] : ports))),
    mounts: told(() => readMounts(files.mountinfo)) ?? [],
    problems,
  }
}

/** Undefined before kernel 5.3, which tells of none. */
function version4Clients(folder: string): ClientsReading["version4"] {
  const names = namesIn(folder)
  return names?.flatMap((name) => {
    const [info, states] = ["info", "states"].map((file) => join(folder, name, file))
    const [infoText, statesText] = [info, states].map((file) => textOf(file ?? ""))
    // It left while we read.
    if (infoText === undefined || statesText === undefined) return []
    return [
      {
        ...parseClientInfo(infoText, info ?? ""),
        states: parseClientStates(statesText, states ?? ""),
      },
    ]
  })
}

function countersOf(file: string): ServerCounters | undefined {
  const text = textOf(file)
  return text === undefined ? undefined : parseServerCounters(text, file)
}

function connectionsIn(folder: string, ports: ReadonlySet<number>): ReadonlyMap<string, number> | undefined {
  const all = new Map<string, number>()
  let told = false
  for (const name of ["tcp", "tcp6"]) {
    const file = join(folder, name)
    const text = textOf(file)
    if (text === undefined) continue
    told = true
    for (const [address, count] of parseConnections(text, ports, file))
      all.set(address, (all.get(address) ?? 0) + count)
  }
  return told ? all : undefined
}

/** Undefined where there is no such file. The kernel says ENXIO of a client that has just left. */
function textOf(file: string): string | undefined {
  return unlessGone(file, () => readFileSync(file, "utf8"))
}

function namesIn(folder: string): string[] | undefined {
  return unlessGone(folder, () => readdirSync(folder).sort((one, other) => Number(one) - Number(other)))
}

function unlessGone<T>(file: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ENXIO") return undefined
    if (errno !== "EACCES" && errno !== "EPERM") throw fileError(cause, file, file)
    throw new StorageError("unreadable", `${file} may not be read`, {
      facts: { file, errno },
      hint: "Run the daemon as root: only root is told of the server's clients.",
      cause,
    })
  }
}

function noServer({ nfsd }: ClientFiles): StorageError {
  return new StorageError(
    "missing",
    `the kernel's NFS server cannot be seen here: there is no ${nfsd}/threads`,
    {
      facts: { file: nfsd },
      hint: "Start it (Debian: `systemctl enable --now nfs-server`). A container does not see it, and other servers, such as NFS-Ganesha, tell nobody in this way: look there.",
    },
  )
}
