import type { ClientInfo } from "./client-info.js"
import type { ClientState } from "./client-states.js"
import type { RememberedMount } from "./rmtab.js"

/** Who is connected, as the NFS server says by its own interface instead of the kernel's files. */
export interface ToldClients {
  /** Clients of version 4, with what they hold. */
  readonly version4: readonly (ClientInfo & { readonly states: readonly ClientState[] })[]
  readonly remembered: readonly RememberedMount[]
  readonly sessions: readonly ToldSession[]
  /** Undefined where it counts nothing. */
  readonly traffic: readonly ToldTraffic[] | undefined
}

/** One address that the server knows of. What it does not say is undefined. */
export interface ToldSession {
  readonly address: string
  /** "3", "4.0" to "4.2" */
  readonly versions: readonly string[]
  /** Whether it is there now. Without, the server may only remember it. */
  readonly isConnected: boolean
  /** When it was last heard of, in Unix milliseconds. */
  readonly seenAt: number | undefined
  /** The name of the shared folder that it uses: the end of the export's path. */
  readonly folder: string | undefined
  readonly readBytes: number | undefined
  readonly writtenBytes: number | undefined
}

/** What went through one export by one version, for all clients together. */
export interface ToldTraffic {
  readonly path: string
  readonly readBytes: number
  readonly writtenBytes: number
  /** Unix milliseconds. */
  readonly since: number
}
