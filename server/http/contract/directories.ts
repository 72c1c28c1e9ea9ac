import { z } from "zod"

// The repositories' directories, over the admin socket like contract/admin.ts. Modes are four octal digits; paths are relative to the
// store unless it is said otherwise.

const count = z.int().min(0)
const owner = z.strictObject({ uid: z.int(), gid: z.int(), mode: z.string() })
const counted = z.strictObject({ count, example: z.string().nullable() })

/** One thing that is wrong with a directory. `fail`: movers cannot work. `warn`: they can, and somebody should look at it. */
export const directoryFindingJson = z.strictObject({
  code: z.string(),
  severity: z.enum(["fail", "warn"]),
  message: z.string(),
  hint: z.string(),
})
export type DirectoryFindingJson = z.infer<typeof directoryFindingJson>

/** GET /api/v1/directories?store=&repository= : each directory of a repository in a store. */
export const directoryJson = z.strictObject({
  store: z.string(),
  repository: z.string(),
  path: z.string(),
  /** Absolute. */
  directory: z.string(),
  /** Whose own repository it is; null in one that many share. */
  volume: z.strictObject({ namespace: z.string(), pvc: z.string() }).nullable(),
  /** `unknown`: nobody said whose it should be, or it cannot be looked at. */
  state: z.enum(["ok", "wrong", "unknown", "missing"]),
  /** What the document says, or else whom the export around it makes everybody. */
  expected: z
    .strictObject({
      uid: z.int(),
      gid: z.int(),
      mode: z.string().nullable(),
      /** Who else is to have rights, such as "user:568:rwx"; left out where the document names nobody. */
      acl: z.array(z.string()).exactOptional(),
      from: z.enum(["document", "export"]),
    })
    .nullable(),
  actual: owner.nullable(),
  /** Why it is not ok: the first of the findings, where there are any. */
  problem: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
  findings: z.array(directoryFindingJson),
})
export type DirectoryJson = z.infer<typeof directoryJson>
export const directoriesJson = z.strictObject({ directories: z.array(directoryJson) })
export type DirectoriesJson = z.infer<typeof directoriesJson>

/** Which directory: `store` and `path`, or a volume, with what tells its repository where several could be meant. */
const target = {
  store: z.string().exactOptional(),
  path: z.string().exactOptional(),
  repository: z.string().exactOptional(),
  cluster: z.string().exactOptional(),
  namespace: z.string().exactOptional(),
  pvc: z.string().exactOptional(),
}
export const directoryTarget = z.strictObject(target)
export type DirectoryTarget = z.infer<typeof directoryTarget>

/** A mount point below the store that belongs there, though nobody knew it: 409 `other_filesystem` names it. */
const acceptMount = z.string().exactOptional()

/** POST /api/v1/directories: made with the owner and mode of `expected`; what is there is left as it is. */
export const createDirectoryRequest = z.strictObject({ ...target, acceptMount })
export type CreateDirectoryRequest = z.input<typeof createDirectoryRequest>
export const directoryCreatedJson = z.strictObject({
  /** From the store down, the one that was asked for last. */
  directories: z.array(z.strictObject({ directory: z.string(), made: z.boolean(), ...owner.shape })),
})
export type DirectoryCreatedJson = z.infer<typeof directoryCreatedJson>

/** The answer to what may take long: what came of it, or the run that is asked for at GET /api/v1/directories/runs/{run}. */
export function finished<Result extends z.ZodType>(result: Result) {
  return z.strictObject({
    run: z.strictObject({ id: z.string(), files: count }).nullable(),
    result: result.nullable(),
  })
}

/** POST /api/v1/directories/repair: the directory alone, unless `recursive`. */
export const repairDirectoryRequest = z.strictObject({
  ...target,
  acceptMount,
  dryRun: z.boolean().default(false),
  recursive: z.boolean().default(false),
  /** Also files of several names, which may lie elsewhere. */
  hardLinks: z.boolean().default(false),
  /** Also while an engine writes there. */
  force: z.boolean().default(false),
  /** `basis` of the dry run that was agreed to. Something changed since: 409 `stale_plan`. */
  basis: z.string().exactOptional(),
})
export type RepairDirectoryRequest = z.input<typeof repairDirectoryRequest>
export const repairJson = z.strictObject({
  applied: z.boolean(),
  /** By which it can be undone; null where nothing was changed. */
  id: z.string().nullable(),
  store: z.string(),
  path: z.string(),
  directory: z.string(),
  looked: count,
  changes: count,
  /** The first of the changes, by absolute path. */
  examples: z.array(z.strictObject({ path: z.string(), from: owner, to: owner })),
  /** One sentence for each kind of thing that is left alone. */
  leftAlone: z.array(z.string()),
  basis: z.string(),
  changed: count,
  /** Not as planned any more when their turn came. */
  otherwise: counted,
})
export type RepairJson = z.infer<typeof repairJson>
export const repairRunJson = finished(repairJson)
export type RepairRunJson = z.infer<typeof repairRunJson>

/** GET /api/v1/directories/repairs: what can be undone, the newest first. */
export const repairsJson = z.strictObject({
  repairs: z.array(
    z.strictObject({
      store: z.string(),
      id: z.string(),
      at: z.string(),
      by: z.string(),
      path: z.string(),
      recursive: z.boolean(),
    }),
  ),
})
export type RepairsJson = z.infer<typeof repairsJson>

/** POST /api/v1/directories/undo */
export const undoRepairRequest = z.strictObject({ store: z.string(), id: z.string() })
export const repairUndoneJson = z.strictObject({
  store: z.string(),
  id: z.string(),
  path: z.string(),
  changed: count,
  otherwise: counted,
})
export type RepairUndoneJson = z.infer<typeof repairUndoneJson>
export const undoRunJson = finished(repairUndoneJson)
export type UndoRunJson = z.infer<typeof undoRunJson>

export const DEFAULT_HOLD_DAYS = 30

/** POST /api/v1/directories/retire: moved to the store's quarantine, deleted by nobody before `holdDays` are over. */
export const retireDirectoryRequest = z.strictObject({
  ...target,
  dryRun: z.boolean().default(false),
  holdDays: z.int().min(0).max(3650).default(DEFAULT_HOLD_DAYS),
  accept: z.array(z.string()).default([]),
  force: z.boolean().default(false),
  basis: z.string().exactOptional(),
})
export type RetireDirectoryRequest = z.input<typeof retireDirectoryRequest>
/** 200 for a dry run and for what was retired; 409 with the same body when acknowledgements are missing. */
export const retiredJson = z.strictObject({
  retired: z.boolean(),
  store: z.string(),
  path: z.string(),
  directory: z.string(),
  /** Of what lies in the quarantine; null while it does not. */
  id: z.string().nullable(),
  holdUntil: z.string(),
  /** What is lost by it and has to be accepted by its id. */
  acknowledgements: z.array(z.strictObject({ id: z.string(), why: z.string(), accepted: z.boolean() })),
  basis: z.string(),
})
export type RetiredJson = z.infer<typeof retiredJson>

/** GET /api/v1/directories/quarantine. `due`: it may be deleted. `unknown`: its record is gone or not ours. */
export const quarantineJson = z.strictObject({
  directories: z.array(
    z.strictObject({
      store: z.string(),
      id: z.string(),
      path: z.string().nullable(),
      retiredAt: z.string().nullable(),
      by: z.string().nullable(),
      holdUntil: z.string().nullable(),
      state: z.enum(["held", "due", "purging", "unknown"]),
    }),
  ),
  /** Stores that could not be asked, one sentence each. */
  unknown: z.array(z.string()),
})
export type QuarantineJson = z.infer<typeof quarantineJson>

/** POST /api/v1/directories/quarantine/{store}/{id}/restore, with an empty body. */
export const directoryRestoredJson = z.strictObject({ store: z.string(), id: z.string(), path: z.string() })
export type DirectoryRestoredJson = z.infer<typeof directoryRestoredJson>

/** POST /api/v1/directories/quarantine/{store}/{id}/purge, with an empty body: deletes it for good. */
export const directoryPurgedJson = z.strictObject({ store: z.string(), id: z.string(), files: count })
export type DirectoryPurgedJson = z.infer<typeof directoryPurgedJson>
export const purgeRunJson = finished(directoryPurgedJson)
export type PurgeRunJson = z.infer<typeof purgeRunJson>

export const directoryPaths = {
  directories: "/api/v1/directories",
  repair: "/api/v1/directories/repair",
  repairs: "/api/v1/directories/repairs",
  undo: "/api/v1/directories/undo",
  runs: "/api/v1/directories/runs",
  retire: "/api/v1/directories/retire",
  quarantine: "/api/v1/directories/quarantine",
} as const
