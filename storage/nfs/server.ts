import type { ToldClients } from "./clients/told.js"
import type { ExportSetting } from "./compare.js"
import type { ActiveExport } from "./etab.js"
import type { NfsExport } from "./export.js"
import type { AfterRestart } from "./ganesha/restart.js"
import type { ExportRefusal } from "./refusal.js"

/** One way to have directories exported by NFS: the kernel's server, another program, or a NAS system's own interface. */
export interface NfsServer {
  readonly kind: NfsServerKind
  /**
   * What it exports now; undefined where there is none. No client is disturbed, and no network is asked but that of the server.
   * Throws StorageError `unreadable`, `io`, `corrupt`, `timeout`.
   */
  state(): Promise<NfsServerState | undefined>
  /**
   * Who is connected, where the server's own interface tells it and the kernel's files do not; undefined: it runs nowhere that could.
   * Throws as state() does.
   */
  clients?(): Promise<ToldClients | undefined>
  /** Which of these it can never export as they are wanted, and why: to be left out of what is planned. Changes nothing. */
  refusals(wanted: readonly NfsExport[]): Promise<readonly ExportRefusal[]>
  /** What applying would change of ours. Changes nothing. Throws StorageError `invalid` for what is not as we left it. */
  plan(wanted: readonly NfsExport[], options: ApplyOptions): Promise<ExportPlan>
  /**
   * Exports exactly this, besides what others export, and reads back whether it is so; where it is not, what was there before is
   * put back, without what was to be withdrawn. Clients of what does not change are not disturbed. Throws StorageError `invalid`
   * for what is not as we left it, before anything changes, and `unsupported` for what the server did not take.
   */
  apply(wanted: readonly NfsExport[], options: ApplyOptions): Promise<void>
  /** What its restart makes of our exports, where it may forget them. Reads files only. Throws StorageError `unreadable`, `io`. */
  afterRestart?(): AfterRestart | undefined
}

export type NfsServerKind = "kernel" | "ganesha" | "truenas" | "synology"

export interface NfsServerState {
  readonly running: boolean
  /** In the words of exports(5), whatever the server is. */
  readonly active: readonly ActiveExport[]
  /** What is ours of it, as it was applied last, whether or not the server has it now; undefined: it is not as we left it. */
  readonly own: readonly NfsExport[] | undefined
  /** What this server knows of; the other settings of an export say nothing about it. */
  readonly settings: readonly ExportSetting[]
}

export interface ApplyOptions {
  /** Also where what is ours is not as we left it. */
  readonly replace: boolean
}

export interface ExportPlan {
  /** Lines of exports(5), one for each path. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
}
