import { z } from "zod"
import { snapshotJson } from "./admin.js"
import { directoryTarget } from "./directories.js"

// Filesystem snapshots of the stores, over the admin socket like contract/admin.ts. `of`: which subvolume, dataset or shared folder one is of;
// "." is what the store itself lies in.

const count = z.int().min(0)
const problem = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() })

export const filesystemSnapshotJson = z.strictObject({
  /** `store@name`: what the command line calls it. */
  id: z.string(),
  store: z.string(),
  of: z.string(),
  name: z.string(),
  /** Others are shown, and never touched. */
  ours: z.boolean(),
  createdAt: z.string().nullable(),
  reason: z.string().nullable(),
  expiresAt: z.string().nullable(),
  holds: z.array(z.string()),
  /** Where it can be read as a directory. */
  path: z.string().nullable(),
  state: z.enum(["whole", "unfinished", "unclear"]),
  /** What removing it would free; null where that is not known. */
  ownBytes: count.nullable(),
})
export type FilesystemSnapshotJson = z.infer<typeof filesystemSnapshotJson>

export const snapshotScheduleJson = z.strictObject({
  schedule: z.string(),
  nextAt: z.string(),
  /** The last run; null before the first one. */
  last: z
    .strictObject({
      at: z.string(),
      outcome: z.enum(["ok", "failed", "skipped"]),
      detail: z.string().nullable(),
      made: z.array(z.string()),
      removed: z.array(z.string()),
    })
    .nullable(),
  /** When one was made last. */
  madeAt: z.string().nullable(),
})

export const snapshotStoreJson = z.strictObject({
  store: z.string(),
  /** What makes them: btrfs, zfs, truenas, synology; null where nothing does. */
  by: z.string().nullable(),
  /** One for each subvolume or dataset that is part of the store. */
  trees: z.array(
    z.strictObject({
      of: z.string(),
      possible: z.boolean(),
      /** Why not, and what would help. */
      message: z.string().nullable(),
      hint: z.string().nullable(),
      notices: z.array(z.string()),
    }),
  ),
  /** Null: none is declared. */
  schedule: snapshotScheduleJson.nullable(),
  /** Why nothing could be told. */
  problem: problem.nullable(),
  /** The newest first. */
  snapshots: z.array(filesystemSnapshotJson),
})
export type SnapshotStoreJson = z.infer<typeof snapshotStoreJson>

/** GET /api/v1/filesystem-snapshots?store= */
export const filesystemSnapshotsJson = z.strictObject({ stores: z.array(snapshotStoreJson) })
export type FilesystemSnapshotsJson = z.infer<typeof filesystemSnapshotsJson>

/** As in contract/directories.ts: what came of it, or the run that is asked for at GET …/runs/{run}. */
function finished<Result extends z.ZodType>(result: Result) {
  return z.strictObject({
    run: z.strictObject({ id: z.string(), files: count }).nullable(),
    result: result.nullable(),
  })
}

/** POST /api/v1/filesystem-snapshots: one of each subvolume or dataset of the store. */
export const createSnapshotRequest = z.strictObject({
  store: z.string(),
  reason: z.string().default("by-hand"),
  /** Who holds it from its first moment. */
  hold: z.string().exactOptional(),
})
export type CreateSnapshotRequest = z.input<typeof createSnapshotRequest>
export const snapshotsMadeJson = z.strictObject({
  made: z.array(filesystemSnapshotJson),
  failed: z.array(z.strictObject({ of: z.string(), problem })),
})
export type SnapshotsMadeJson = z.infer<typeof snapshotsMadeJson>
export const createSnapshotRunJson = finished(snapshotsMadeJson)
export type CreateSnapshotRunJson = z.infer<typeof createSnapshotRunJson>

/** `of` may be left out where no other one of the store has that name. */
const named = { store: z.string(), name: z.string(), of: z.string().exactOptional() }

export const USUAL_HOLDER = "administrator"

/** POST …/hold and …/release. TrueNAS and DSM know one hold, without a name. */
export const holdSnapshotRequest = z.strictObject({ ...named, holder: z.string().default(USUAL_HOLDER) })
export type HoldSnapshotRequest = z.input<typeof holdSnapshotRequest>
export const snapshotHeldJson = z.strictObject({ snapshot: filesystemSnapshotJson })
export type SnapshotHeldJson = z.infer<typeof snapshotHeldJson>

/** POST …/remove. One that is held, or the newest: 409 `held`, `newest`. */
export const removeSnapshotRequest = z.strictObject({ ...named, dryRun: z.boolean().default(false) })
export type RemoveSnapshotRequest = z.input<typeof removeSnapshotRequest>
export const snapshotRemovedJson = z.strictObject({ removed: z.boolean(), snapshot: filesystemSnapshotJson })
export type SnapshotRemovedJson = z.infer<typeof snapshotRemovedJson>
export const removeSnapshotRunJson = finished(snapshotRemovedJson)
export type RemoveSnapshotRunJson = z.infer<typeof removeSnapshotRunJson>

/** GET …/retention?store= : what the next scheduled run would keep and remove. */
export const retentionJson = z.strictObject({
  store: z.string(),
  verdicts: z.array(
    z.strictObject({ snapshot: filesystemSnapshotJson, goes: z.boolean(), reasons: z.array(z.string()) }),
  ),
})
export type RetentionJson = z.infer<typeof retentionJson>

/** POST …/look: the snapshots of a repository inside a filesystem snapshot. */
export const lookRequest = z.strictObject({ ...named, path: z.string() })
export type LookRequest = z.input<typeof lookRequest>
export const lookedJson = z.strictObject({
  /** Where it can be read. */
  at: z.string(),
  repository: z.strictObject({
    engine: z.enum(["kopia", "restic"]),
    id: z.string(),
    formatVersion: z.int().nullable(),
  }),
  snapshots: z.array(snapshotJson),
})
export type LookedJson = z.infer<typeof lookedJson>
export const lookRunJson = finished(lookedJson)
export type LookRunJson = z.infer<typeof lookRunJson>

/** POST …/roll-back: a directory becomes what it was; what it is now is kept aside. */
export const rollBackRequest = z.strictObject({
  ...directoryTarget.shape,
  /** The filesystem snapshot's name. */
  to: z.string(),
  dryRun: z.boolean().default(false),
  /** Also while an engine writes there, or clients cannot be kept out. */
  force: z.boolean().default(false),
  /** `basis` of the dry run that was agreed to. Something changed since: 409 `stale_plan`. */
  basis: z.string().exactOptional(),
})
export type RollBackRequest = z.input<typeof rollBackRequest>
const size = z.strictObject({ files: count, folders: count, bytes: count })
export const rollBackJson = z.strictObject({
  rolledBack: z.boolean(),
  store: z.string(),
  path: z.string(),
  directory: z.string(),
  snapshot: z.string(),
  from: z.string(),
  method: z.enum(["copy", "subvolume"]),
  now: size,
  then: size,
  steps: z.array(z.string()),
  notices: z.array(z.string()),
  /** Exports that are withdrawn while the directory is exchanged. */
  withdrawn: z.array(z.string()),
  basis: z.string(),
  /** Where what was there is kept; null while nothing was done. */
  aside: z.string().nullable(),
})
export type RollBackJson = z.infer<typeof rollBackJson>
export const rollBackRunJson = finished(rollBackJson)
export type RollBackRunJson = z.infer<typeof rollBackRunJson>

/** GET …/roll-backs: those that were interrupted. */
export const unfinishedRollBackJson = z.strictObject({
  store: z.string(),
  id: z.string(),
  state: z.enum(["before", "between", "after", "unclear"]),
  directory: z.string().nullable(),
  aside: z.string().nullable(),
  copy: z.string(),
  snapshot: z.string().nullable(),
  message: z.string(),
})
export type UnfinishedRollBackJson = z.infer<typeof unfinishedRollBackJson>
export const unfinishedRollBacksJson = z.strictObject({
  rollBacks: z.array(unfinishedRollBackJson),
  /** Stores that could not be asked, one sentence each. */
  unknown: z.array(z.string()),
})
export type UnfinishedRollBacksJson = z.infer<typeof unfinishedRollBacksJson>

/** POST …/settle: ends one, so that the directory is whole: as it was, or as it was rolled back to. */
export const settleRequest = z.strictObject({ store: z.string(), id: z.string() })
export const settledJson = z.strictObject({ settled: unfinishedRollBackJson })
export type SettledJson = z.infer<typeof settledJson>

export const filesystemSnapshotPaths = {
  list: "/api/v1/filesystem-snapshots",
  hold: "/api/v1/filesystem-snapshots/hold",
  release: "/api/v1/filesystem-snapshots/release",
  remove: "/api/v1/filesystem-snapshots/remove",
  retention: "/api/v1/filesystem-snapshots/retention",
  look: "/api/v1/filesystem-snapshots/look",
  rollBack: "/api/v1/filesystem-snapshots/roll-back",
  rollBacks: "/api/v1/filesystem-snapshots/roll-backs",
  settle: "/api/v1/filesystem-snapshots/settle",
  runs: "/api/v1/filesystem-snapshots/runs",
} as const
