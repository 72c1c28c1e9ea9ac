import { z } from "zod"
import { directoryFindingJson, directoryTarget } from "./directories.js"

// What the repositories' directories may hold, over the admin socket like contract/admin.ts. Sizes in bytes; paths are relative to the
// store unless it is said otherwise. A figure that is null is not known, and `problem` or a finding says why.

const bytes = z.number().min(0)
const time = z.string()

/** GET /api/v1/quotas?store=&repository= : each directory of a repository in a store, with what limits it. */
export const quotaJson = z.strictObject({
  store: z.string(),
  repository: z.string(),
  path: z.string(),
  /** Absolute. */
  directory: z.string(),
  /** Whose own repository it is; null in one that many share. */
  volume: z.strictObject({ namespace: z.string(), pvc: z.string() }).nullable(),
  /**
   * How near it is to its limit. `watched` limits count like others: see `enforced`. `no_limit`: none is set or declared. `unknown`: it has
   * one, and how near it is, or whether it has one, is not known.
   */
  state: z.enum(["ok", "near", "critical", "full", "no_limit", "unknown", "missing"]),
  /** What keeps the limit. `own`: only Cistern knows it, and watches it. `none`: nothing. */
  kind: z.enum([
    "btrfs-qgroup",
    "xfs-project",
    "ext4-project",
    "zfs-dataset",
    "truenas-dataset",
    "dsm-share",
    "own",
    "none",
  ]),
  /** Whether writers are held to it. */
  enforced: z.boolean(),
  /** The directory that the figures are about: this one, or the subvolume, dataset or shared folder around it. Absolute. */
  tree: z.string(),
  limitBytes: bytes.nullable(),
  usedBytes: bytes.nullable(),
  limitFiles: bytes.nullable(),
  usedFiles: bytes.nullable(),
  /** Percent of the limit that is used; more than 100 where it holds more than it may. */
  usedPercent: z.number().nullable(),
  /** Percent from which on it is near. */
  warnAt: z.number(),
  /** What the document says it may hold. */
  declaredBytes: bytes.nullable(),
  /** When the use was measured. A walk through a tree takes long: it is when it began. */
  measuredAt: time.nullable(),
  /** How it was measured. */
  source: z.string().nullable(),
  /** When somebody looked at the limit last. */
  lookedAt: time.nullable(),
  /** A walk through it is under way: so many files and folders so far. */
  measuring: z.number().nullable(),
  problem: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
  findings: z.array(directoryFindingJson),
  notices: z.array(z.string()),
})
export type QuotaJson = z.infer<typeof quotaJson>
export type QuotaFindingJson = QuotaJson["findings"][number]
export const quotasJson = z.strictObject({ quotas: z.array(quotaJson) })
export type QuotasJson = z.infer<typeof quotasJson>

function finished<Result extends z.ZodType>(result: Result) {
  return z.strictObject({
    run: z.strictObject({ id: z.string(), files: z.number() }).nullable(),
    result: result.nullable(),
  })
}

/** POST /api/v1/quotas/set. A run: see GET /api/v1/directories/runs/{run}. */
export const setQuotaRequest = z.strictObject({
  ...directoryTarget.shape,
  /** `none` lifts the limit; `declared` is what the document says. */
  limitBytes: z.union([z.int().min(1), z.enum(["none", "declared"])]),
  /** Also below what is used already: then nothing more can be written. */
  belowUse: z.boolean().default(false),
  /** Also takes in what lies there already, where the filesystem can: a walk through all of it. */
  takeIn: z.boolean().default(false),
  acceptMount: z.string().exactOptional(),
  dryRun: z.boolean().default(false),
  /** `basis` of the dry run that was agreed to. Something changed since: 409 `stale_plan`. */
  basis: z.string().exactOptional(),
})
export type SetQuotaRequest = z.input<typeof setQuotaRequest>
const figures = z.strictObject({
  limitBytes: bytes.nullable(),
  usedBytes: bytes.nullable(),
  enforced: z.boolean(),
})
export const quotaSetJson = z.strictObject({
  applied: z.boolean(),
  store: z.string(),
  path: z.string(),
  directory: z.string(),
  /** Null: no limit. What is set may be rounded down to what the filesystem takes. */
  limitBytes: bytes.nullable(),
  before: figures,
  /** As it was read back. */
  after: figures.nullable(),
  /** What is done, in sentences. Empty: it is so already. */
  steps: z.array(z.string()),
  notices: z.array(z.string()),
  basis: z.string(),
})
export type QuotaSetJson = z.infer<typeof quotaSetJson>
export const quotaSetRunJson = finished(quotaSetJson)
export type QuotaSetRunJson = z.infer<typeof quotaSetRunJson>

/** POST /api/v1/quotas/prepare: has the filesystem under a store count, where that can be begun while it is mounted. */
export const prepareQuotasRequest = z.strictObject({
  store: z.string(),
  path: z.string().default(""),
  dryRun: z.boolean().default(false),
  basis: z.string().exactOptional(),
})
export type PrepareQuotasRequest = z.input<typeof prepareQuotasRequest>
export const quotasPreparedJson = z.strictObject({
  applied: z.boolean(),
  store: z.string(),
  mountPoint: z.string(),
  /** Empty: it counts already. */
  steps: z.array(z.string()),
  /** What it costs, in sentences. */
  costs: z.array(z.string()),
  basis: z.string(),
})
export type QuotasPreparedJson = z.infer<typeof quotasPreparedJson>

/** POST /api/v1/quotas/measure: walks through a directory and adds up what is in it. A run. `stop` ends such a walk. */
export const measureTreeRequest = z.strictObject({
  ...directoryTarget.shape,
  stop: z.boolean().default(false),
})
export type MeasureTreeRequest = z.input<typeof measureTreeRequest>
export const treeMeasuredJson = z.strictObject({
  /** False: the walk was stopped, and the figures are those of the one before, if any. */
  measured: z.boolean(),
  store: z.string(),
  path: z.string(),
  directory: z.string(),
  bytes: bytes.nullable(),
  files: bytes.nullable(),
  /** Folders that could not be read; the figures are without them. */
  unread: bytes.nullable(),
  /** Subvolumes and mounts in it, which are not in the figures. */
  elsewhere: bytes.nullable(),
  begunAt: time.nullable(),
  endedAt: time.nullable(),
})
export type TreeMeasuredJson = z.infer<typeof treeMeasuredJson>
export const treeMeasuredRunJson = finished(treeMeasuredJson)
export type TreeMeasuredRunJson = z.infer<typeof treeMeasuredRunJson>

export const quotaPaths = {
  quotas: "/api/v1/quotas",
  set: "/api/v1/quotas/set",
  prepare: "/api/v1/quotas/prepare",
  measure: "/api/v1/quotas/measure",
} as const
