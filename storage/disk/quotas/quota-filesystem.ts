import type { Quota, QuotaLimit, WantedLimit } from "./quota.js"
import type { Target } from "./target.js"

/** What would be done to limit a directory. */
export interface LimitPlan {
  readonly before: Quota
  /** What is wanted, where files were to stay as they are too. */
  readonly limit: QuotaLimit
  /** Sentences, in the order in which it is done. */
  readonly steps: readonly string[]
  readonly notices: readonly string[]
  /** The project that the directory is in already. Undefined: none, or a filesystem without projects. */
  readonly project: number | undefined
}

export interface LimitOptions {
  /** Numbers for the projects of XFS and ext4. Without, only a directory that is in one already can be limited. */
  readonly projects?: ProjectIds | undefined
  /** Also takes in what lies in the directory already. On XFS, where that is a walk through all of it. */
  readonly existing?: boolean | undefined
}

/**
 * Numbers of projects, from a range that is ours and kept where it outlives the machine's restart. Never 0, which is none, and
 * never one that was taken before: what was in that project may still be somewhere. A number stays taken while the directory
 * exists, also after its limit was lifted.
 */
export interface ProjectIds {
  /** The number of this directory: the same one when it is asked again, until it is released. */
  take(path: string): number | Promise<number>
  release(path: string): void | Promise<void>
}

/** One way in which a filesystem limits directories. All throw StorageError. */
export interface QuotaFilesystem {
  quotaOf(target: Target): Promise<Quota>
  /** Why not, is thrown: `unsupported`, with the next step. Changes nothing. */
  plan(target: Target, limit: WantedLimit, options: LimitOptions): Promise<LimitPlan>
  /** Does it. Stopped half-way, the directory may be in a project without a limit. */
  apply(target: Target, limit: QuotaLimit, options: LimitOptions, plan: LimitPlan): Promise<void>
  /** Makes it as it was before `apply`, however far that came. */
  undo(target: Target, options: LimitOptions, plan: LimitPlan): Promise<void>
}
