/** What NFS-Ganesha's export and client managers can be asked for (reference nas-platforms.md §1.9). */
export type GaneshaMethod =
  | "ShowExports"
  | "DisplayExport"
  | "AddExport"
  | "UpdateExport"
  | "RemoveExport"
  /** Of all exports. */
  | "GetNFSIO"
  | "ShowClients"
  /** Of one client. */
  | "GetNFSv3IO"
  | "GetNFSv40IO"
  | "GetNFSv41IO"
  | "GetNFSv42IO"

/** A running NFS-Ganesha as it is reached over D-Bus. */
export interface GaneshaBus {
  /**
   * Whether one is there to be asked. Throws StorageError `missing` without the program that asks, `unreadable` when the bus does
   * not let us ask, `timeout`.
   */
  isThere(): Promise<boolean>
  /** Arguments as D-Bus wants them, in order. Throws StorageError `missing`, `unreadable`, `timeout`. */
  call(method: GaneshaMethod, ...args: readonly string[]): Promise<GaneshaAnswer>
}

export type GaneshaAnswer =
  /** The values of the reply. */
  | { readonly ok: true; readonly values: readonly unknown[] }
  /** It refused, or went away meanwhile: what it said. */
  | { readonly ok: false; readonly said: string }
