import { z } from "zod"
import { finished } from "./directories.js"

/**
 * POST /api/v1/repositories/{repository}/create: the real engine makes the repository, which is read back and pinned. Of a tree of
 * repositories `namespace` and `pvc`, or `path` relative to the store, say which. What takes long is followed at
 * GET /api/v1/directories/runs/{run}.
 */
export const createRepositoryRequest = z.strictObject({
  namespace: z.string().exactOptional(),
  pvc: z.string().exactOptional(),
  path: z.string().exactOptional(),
  /** A mount point below the store that belongs there, though nobody knew it: 409 `other_filesystem` names it. */
  acceptMount: z.string().exactOptional(),
  dryRun: z.boolean().default(false),
  /** `basis` of the dry run that was agreed to. Something changed since: 409 `stale_plan`. */
  basis: z.string().exactOptional(),
})
export type CreateRepositoryRequest = z.input<typeof createRepositoryRequest>

/** What is made, or was. Whatever stands in the way is an error: 409 for a guard, 503 where it could not be told. */
export const newRepositoryJson = z.strictObject({
  created: z.boolean(),
  repository: z.string(),
  engine: z.enum(["kopia", "restic"]),
  store: z.string(),
  path: z.string(),
  /** Absolute. */
  directory: z.string(),
  /** Whose it is; the mode is that of the directory itself. */
  owner: z.strictObject({ uid: z.int(), gid: z.int(), mode: z.string() }),
  /** The real program, and what it calls its version. */
  program: z.string(),
  programVersion: z.string(),
  /** `aside`: in the store's own folder, from where it is moved into its place as a whole. */
  made: z.enum(["aside", "in_place"]),
  /** Why it is made in its place. */
  why: z.string().nullable(),
  /** Exports that clients cannot mount while it is made. */
  withdrawn: z.array(z.string()),
  /** The repository's id; null until it is made. */
  id: z.string().nullable(),
  basis: z.string(),
})
export type NewRepositoryJson = z.infer<typeof newRepositoryJson>
export const newRepositoryRunJson = finished(newRepositoryJson)
export type NewRepositoryRunJson = z.infer<typeof newRepositoryRunJson>
