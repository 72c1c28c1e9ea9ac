import { StorageError } from "../../errors.js"
import type { HostFolders } from "../filesystem-uuid.js"
import { btrfsQgroups } from "./btrfs-qgroup.js"
import { projects } from "./project-limits.js"
import { checkLimit, isLimitedTo, type Quota, type QuotaLimit, shownLimit } from "./quota.js"
import type { LimitOptions, LimitPlan, QuotaFilesystem } from "./quota-filesystem.js"
import { type Target, withTarget } from "./target.js"
import { zfsDatasets } from "./zfs-dataset.js"

export interface SetQuotaOptions extends LimitOptions {
  /** Sets a limit that is below what is used already, so that nothing more can be written. */
  readonly belowUse?: boolean | undefined
}

export interface QuotaPlan {
  /** With links followed. */
  readonly directory: string
  readonly limit: QuotaLimit
  readonly before: Quota
  /** What would be done, in sentences. Nothing: it is so already. */
  readonly steps: readonly string[]
  readonly notices: readonly string[]
}

/**
 * What limits the tree of `path`, a directory, now. The kernel's files and statfs are asked first, which takes no rights and no
 * time; a program where they do not tell. What cannot be measured is told with the reason. May hang where the mount hangs. Throws
 * StorageError `missing`, `unreadable`, `io` for the directory, and `timeout` and `corrupt` for a program's answer.
 */
export async function quotaOf(path: string, host?: HostFolders): Promise<Quota> {
  return withTarget(path, async (target) => filesystemOf(target)?.quotaOf(target) ?? noQuotas(target), host)
}

/**
 * What would be done to limit `path`, or why that cannot be: StorageError `unsupported` with the next step, `invalid` for a
 * limit that makes no sense or is below what is used. Changes nothing.
 */
export async function planQuota(
  path: string,
  limit: QuotaLimit,
  options: SetQuotaOptions = {},
): Promise<QuotaPlan> {
  return withTarget(path, async (target) => {
    const { before, steps, notices } = await planFor(target, required(target), limit, options)
    return { directory: target.location.realPath, limit, before, steps, notices }
  })
}

/**
 * Limits `path`, reads back what the filesystem then says, and gives that. Where it is not what was wanted, or a step fails, what
 * was before is put back. Plans anew, and throws what a plan throws; `io` where the limit did not take.
 */
export async function setQuota(
  path: string,
  limit: QuotaLimit,
  options: SetQuotaOptions = {},
): Promise<Quota> {
  return withTarget(path, async (target) => {
    const filesystem = required(target)
    const plan = await planFor(target, filesystem, limit, options)
    try {
      await filesystem.apply(target, limit, options, plan)
      const after = await filesystem.quotaOf(target)
      if (isLimitedTo(after, limit)) return after
      throw notTaken(target, limit, after)
    } catch (error) {
      await undo(target, filesystem, options, plan, error)
      throw error
    }
  })
}

async function planFor(
  target: Target,
  filesystem: QuotaFilesystem,
  limit: QuotaLimit,
  options: SetQuotaOptions,
): Promise<LimitPlan> {
  checkLimit(limit)
  if (target.location.readOnly) {
    throw new StorageError("unreadable", `${target.location.mountPoint} is mounted read-only`, {
      facts: { directory: target.location.realPath },
      hint: "Mount it writable.",
    })
  }
  const plan = await filesystem.plan(target, limit, options)
  const { usedBytes } = plan.before
  if (
    options.belowUse !== true &&
    limit.bytes !== "none" &&
    plan.before.tree === target.location.realPath &&
    typeof usedBytes === "number" &&
    limit.bytes < usedBytes
  ) {
    throw new StorageError(
      "invalid",
      `${target.location.realPath} holds ${usedBytes} bytes, more than the limit of ${limit.bytes}`,
      {
        facts: { directory: target.location.realPath, usedBytes, limitBytes: limit.bytes },
        hint: "Choose a limit above that; below it every backup would fail at once, and so would pruning.",
      },
    )
  }
  return plan
}

async function undo(
  target: Target,
  filesystem: QuotaFilesystem,
  options: SetQuotaOptions,
  plan: LimitPlan,
  error: unknown,
): Promise<void> {
  try {
    await filesystem.undo(target, options, plan)
  } catch (second) {
    // What may not be set may not be put back either, and did not change.
    const now = await filesystem.quotaOf(target)
    if (now.limitBytes === plan.before.limitBytes && now.limitFiles === plan.before.limitFiles) return
    throw new StorageError(
      "io",
      `${target.location.realPath} could not be limited, and what was before could not be put back: ${String(second)}`,
      {
        facts: { directory: target.location.realPath },
        hint: `Look at its limit by hand; before it had ${shownLimit(plan.before.limitBytes, "bytes")}.`,
        cause: error,
      },
    )
  }
}

function notTaken(target: Target, limit: QuotaLimit, after: Quota): StorageError {
  return new StorageError(
    "io",
    `${target.location.realPath} has ${shownLimit(after.limitBytes, "bytes")} and ${shownLimit(after.limitFiles, "files")} after a limit was set; the limit of before is back`,
    {
      facts: { directory: target.location.realPath, wantedBytes: limit.bytes, wantedFiles: limit.files },
      hint: "Look at the kernel log, and at the notices of its quota.",
    },
  )
}

function required(target: Target): QuotaFilesystem {
  const filesystem = filesystemOf(target)
  if (filesystem !== undefined) return filesystem
  const { type } = target.location.filesystem
  throw new StorageError("unsupported", `${type} has no quotas of directories that Cistern knows`, {
    facts: { directory: target.location.realPath, type },
    hint: "Give it a limit of Cistern's own, which is watched and not enforced.",
  })
}

function filesystemOf({ location }: Target): QuotaFilesystem | undefined {
  switch (location.filesystem.type) {
    case "btrfs":
      return btrfsQgroups
    case "xfs":
    case "ext4":
      return projects
    case "zfs":
      return zfsDatasets()
    default:
      return undefined
  }
}

function noQuotas({ location }: Target): Quota {
  const unknown = { unknown: `${location.filesystem.type} counts no directories` }
  return {
    kind: "none",
    tree: location.realPath,
    enforced: false,
    limitBytes: "none",
    usedBytes: unknown,
    limitFiles: "none",
    usedFiles: unknown,
    source: "the filesystem's type",
    notices: [],
  }
}
