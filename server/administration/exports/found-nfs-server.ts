import { existsSync } from "node:fs"
import { StorageError } from "../../../storage/index.js"
import type {
  ApplyOptions,
  ExportPlan,
  ExportRefusal,
  NfsExport,
  NfsServer,
  NfsServerKind,
  NfsServerState,
  ToldClients,
} from "../../../storage/nfs/index.js"

/** Files by which a NAS system that writes its exports itself is known. */
const SYSTEMS = [
  { file: "/etc/synoinfo.conf", kind: "synology", name: "Synology's DSM" },
  { file: "/usr/bin/midclt", kind: "truenas", name: "TrueNAS" },
] as const

/** The NAS system that this machine is, where it is one that writes its exports itself. */
export function systemHere(): (typeof SYSTEMS)[number]["kind"] | undefined {
  return SYSTEMS.find(({ file }) => existsSync(file))?.kind
}

/** The NFS server of this machine, whichever it is: the one that runs, else the one that is installed. */
export class FoundNfsServer implements NfsServer {
  readonly #candidates: readonly NfsServer[]
  readonly #systemAt: (file: string) => boolean
  #found: NfsServer | undefined

  /** In the order in which they count. */
  constructor(candidates: readonly NfsServer[], systemAt: (file: string) => boolean = existsSync) {
    this.#candidates = candidates
    this.#systemAt = systemAt
  }

  /** The one that was found last. */
  get kind(): NfsServerKind {
    return this.#found?.kind ?? "kernel"
  }

  /** Also throws StorageError `unsupported` on a NAS system that has to be spoken to by its own interface. */
  async state(): Promise<NfsServerState | undefined> {
    const system = SYSTEMS.find(({ file }) => this.#systemAt(file))
    if (system !== undefined) throw ownInterface(system)
    let idle: { readonly server: NfsServer; readonly state: NfsServerState } | undefined
    let failure: { readonly error: unknown } | undefined
    for (const server of this.#candidates) {
      try {
        const state = await server.state()
        if (state?.running === true) {
          this.#found = server
          return state
        }
        if (state !== undefined) idle ??= { server, state }
      } catch (error) {
        failure ??= { error }
      }
    }
    this.#found = idle?.server
    // One that cannot be asked is of no account beside one that is there.
    if (idle === undefined && failure !== undefined) throw failure.error
    return idle?.state
  }

  /** Of the one that was found last. */
  async clients(): Promise<ToldClients | undefined> {
    return this.#found?.clients?.()
  }

  async refusals(wanted: readonly NfsExport[]): Promise<readonly ExportRefusal[]> {
    return (await this.#server()).refusals(wanted)
  }

  async plan(wanted: readonly NfsExport[], options: ApplyOptions): Promise<ExportPlan> {
    return (await this.#server()).plan(wanted, options)
  }

  async apply(wanted: readonly NfsExport[], options: ApplyOptions): Promise<void> {
    await (await this.#server()).apply(wanted, options)
  }

  /** Of the one that was found last. */
  afterRestart(): ReturnType<NonNullable<NfsServer["afterRestart"]>> {
    return this.#found?.afterRestart?.()
  }

  async #server(): Promise<NfsServer> {
    if (this.#found === undefined) await this.state()
    if (this.#found !== undefined) return this.#found
    throw new StorageError("missing", "no NFS server can be seen on this machine", {
      hint: "Install one (Debian: nfs-kernel-server), or name another one by `nfsServer`.",
    })
  }
}

function ownInterface({ kind, name }: (typeof SYSTEMS)[number]): StorageError {
  return new StorageError("unsupported", `${name} writes the exports of this machine itself`, {
    hint: `Declare \`nfsServer: { kind: ${kind}, ... }\` with an account of it (docs/exports.md).`,
  })
}
