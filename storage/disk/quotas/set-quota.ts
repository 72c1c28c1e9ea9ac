import { StorageError } from "../../errors.js"
import { spaceAt } from "../space.js"
import { btrfsQgroups } from "./btrfs-qgroup.js"
import { projects } from "./project-limits.js"
import {
  checkLimit,
  isLimitedTo,
  type Quota,
  type QuotaLimit,
  shownLimit,
  type WantedLimit,
} from "./quota.js"
import type { LimitOptions, LimitPlan, QuotaFilesystem } from "./quota-filesystem.js"
import { type LookOptions, type QuotaPlace, type Target, withTarget } from "./target.js"
import { zfsDatasets } from "./zfs-dataset.js"

export interface SetQuotaOptions extends LimitOptions, LookOptions {
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
 * What limits the tree of a directory now. The kernel's files and statfs are asked first, which takes no rights and no
 * time; a program where they do not tell. What cannot be measured is told with the reason. May hang where the mount hangs. Throws
 * StorageError `missing`, `unreadable`, `io` for the directory, and `timeout` and `corrupt` for a program's answer.
 */
export async function quotaOf(place: QuotaPlace, options: LookOptions = {}): Promise<Quota> {
  return withTarget(
    place,
    async (target) => filesystemOf(target)?.quotaOf(target) ?? noQuotas(target),
    options,
  )
}

/**
 * What would be done to limit a directory, or why that cannot be: StorageError `unsupported` with the next step, `invalid` for a
 * limit that makes no sense or is below what is used. Changes nothing.
 */
export async function planQuota(
  place: QuotaPlace,
  wanted: WantedLimit,
  options: SetQuotaOptions = {},
): Promise<QuotaPlan> {
  return withTarget(
    place,
    async (target) => {
      const { before, limit, steps, notices } = await planFor(target, required(target), wanted, options)
      return { directory: target.location.realPath, limit, before, steps, notices }
    },
    options,
  )
}

/**
 * Limits a directory, reads back what the filesystem then says, and gives that. Where it is not what was wanted, or a step fails, what
 * was before is put back. Plans anew, and throws what a plan throws; `io` where the limit did not take.
 */
export async function setQuota(
  place: QuotaPlace,
  wanted: WantedLimit,
  options: SetQuotaOptions = {},
): Promise<Quota> {
  return withTarget(
    place,
    async (target) => {
      const { during } = target
      const filesystem = required(target)
      const plan = await planFor(target, filesystem, wanted, options)
      const { limit } = plan
      try {
        await during(() => filesystem.apply(target, limit, options, plan))
        const after = await during(() => filesystem.quotaOf(target))
        if (isLimitedTo(after, limit)) return after
        throw notTaken(target, limit, after)
      } catch (error) {
        await undo(target, filesystem, options, plan, error)
        throw error
      }
    },
    options,
  )
}

async function planFor(
  target: Target,
  filesystem: QuotaFilesystem,
  wanted: WantedLimit,
  options: SetQuotaOptions,
): Promise<LimitPlan> {
  checkLimit(wanted)
  if (target.location.readOnly) {
    throw new StorageError("unreadable", `${target.location.mountPoint} is mounted read-only`, {
      facts: { directory: target.location.realPath },
      hint: "Mount it writable.",
    })
  }
  const plan = await target.during(() => filesystem.plan(target, wanted, options))
  refuseBelowUse(target.location.realPath, plan.before, wanted, options)
  const size = target.during(() => spaceAt(target.location.mountPoint)).totalBytes
  return { ...plan, notices: [...plan.notices, ...sizeNotice(wanted, size)] }
}

/** Throws StorageError `invalid` for a limit below what the directory itself holds, unless that is wanted. */
export function refuseBelowUse(
  directory: string,
  { tree, usedBytes }: Quota,
  { bytes }: WantedLimit,
  { belowUse }: Pick<SetQuotaOptions, "belowUse">,
): void {
  if (belowUse === true || bytes === "none" || tree !== directory) return
  if (typeof usedBytes !== "number" || bytes >= usedBytes) return
  throw new StorageError(
    "invalid",
    `${directory} holds ${usedBytes} bytes, more than the limit of ${bytes}`,
    {
      facts: { directory, usedBytes, limitBytes: bytes },
      hint: "Choose a limit above that; below it every backup would fail at once, and so would pruning.",
    },
  )
}

/** A limit that can never be reached is taken, and said to be one. */
function sizeNotice({ bytes }: WantedLimit, size: number): string[] {
  return bytes === "none" || bytes <= size
    ? []
    : [`The filesystem itself has only ${size} bytes: it is full before the limit is reached.`]
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
