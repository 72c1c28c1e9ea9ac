import { z } from "zod"

const count = z.int().min(0)

/** What a store's filesystem can do, and how it is. `null` and `unknown`: it could not be found out. */
export const storeFactsJson = z.strictObject({
  readAt: z.string(),
  type: z.string(),
  /** The device, the dataset, or server:/path. */
  source: z.string(),
  mountPoint: z.string(),
  readOnly: z.boolean(),
  /** Options of the mount that say something of safety or speed. */
  options: z.array(z.string()),
  /** Null: made as they are needed, so that they do not run out. */
  inodes: z.strictObject({ total: count, free: count }).nullable(),
  /** Who finds out about rot: the filesystem for files, only for its own structures, or nobody. */
  checksums: z.enum(["data", "metadata", "none", "unknown"]),
  /**
   * `subvolume`, `dataset`: one of the store itself. `subvolume_around`: only of the subvolume that it lies in. `reflink`: copies of
   * files that share blocks.
   */
  snapshots: z.enum(["subvolume", "subvolume_around", "dataset", "reflink", "none", "unknown"]),
  /** "none", or the algorithm. */
  compression: z.string().nullable(),
  /** What was synced survives a power cut: `disk`. It may not: `uncertain`. Nothing survives a restart: `memory`. */
  sync: z.strictObject({
    kind: z.enum(["disk", "uncertain", "memory", "unknown"]),
    why: z.string().nullable(),
  }),
  /** What the filesystem counted itself. */
  errors: z.strictObject({ count, kinds: z.array(z.string()) }).nullable(),
  /** md arrays, a pool, or btrfs' own. */
  redundancy: z.array(
    z.strictObject({ name: z.string(), level: z.string().nullable(), degraded: z.boolean().nullable() }),
  ),
  /** The kernel's names of the disks that it lies on. */
  disks: z.array(z.string()).nullable(),
})
export type StoreFactsJson = z.infer<typeof storeFactsJson>

export const adviceJson = z.strictObject({
  code: z.string(),
  severity: z.enum(["info", "warn", "fail"]),
  message: z.string(),
  hint: z.string(),
})
export type AdviceJson = z.infer<typeof adviceJson>
