import { spaceAt } from "../space.js"
import type { Quota, WantedLimit } from "./quota.js"
import type { QuotaPlan, SetQuotaOptions } from "./set-quota.js"
import { type LookOptions, type QuotaPlace, withTarget } from "./target.js"

/** A directory as this machine sees it, for a NAS system that may see another one under the same path. */
export interface SystemTree {
  /** With links followed. */
  readonly realPath: string
  readonly mountPoint: string
  /** The filesystem's type and source here, such as "zfs" and "tank/repos". */
  readonly type: string
  readonly source: string
  /** Of the filesystem, in bytes. */
  readonly totalBytes: number
}

/** Where a directory is. Throws as quotaOf does. */
export function systemTree(place: QuotaPlace, options: LookOptions = {}): Promise<SystemTree> {
  return withTarget(
    place,
    ({ directory, location }) => {
      const { realPath, mountPoint, filesystem } = location
      const { type, source } = filesystem
      const { totalBytes } = spaceAt(directory.entry("."))
      return Promise.resolve({ realPath, mountPoint, type, source, totalBytes })
    },
    options,
  )
}

/** Limits that a NAS system keeps, and that only its own interface tells and sets. All throw StorageError. */
export interface SystemQuotas {
  /** What the system says of a directory. What it does not know is `none`, with the reason in the notices. */
  quotaOf(tree: SystemTree): Promise<Quota>
  /** `unsupported` with the next step where the directory cannot be limited by itself. Changes nothing. */
  plan(tree: SystemTree, wanted: WantedLimit, options?: Pick<SetQuotaOptions, "belowUse">): Promise<QuotaPlan>
  /** Sets it, reads it back, and gives what the system then says. */
  set(tree: SystemTree, wanted: WantedLimit, options?: Pick<SetQuotaOptions, "belowUse">): Promise<Quota>
}
