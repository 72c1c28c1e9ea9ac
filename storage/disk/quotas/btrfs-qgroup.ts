import { statSync } from "node:fs"
import { StorageError } from "../../errors.js"
import { btrfsLimit, btrfsQgroupTable, btrfsSubvolumeId } from "../../host/index.js"
import { isSubvolume, subvolumeAround } from "../btrfs-subvolume.js"
import { type QgroupFolder, readQgroupFolder } from "./btrfs-sysfs.js"
import { parseQgroupTable, type QgroupFigures } from "./btrfs-tables.js"
import type { Measured, Quota, QuotaLimit, WantedLimit } from "./quota.js"
import type { LimitOptions, LimitPlan, QuotaFilesystem } from "./quota-filesystem.js"
import { type Target, withTarget } from "./target.js"

// Qgroups of subvolumes (reference nas-platforms.md §5.4). Only each subvolume's own group is limited: a limit of a group above
// is not held once a snapshot was put into it.

const filesUnknown = { unknown: "btrfs counts no files" } as const

export const btrfsQgroups: QuotaFilesystem = { quotaOf, plan, apply, undo }

async function quotaOf(target: Target): Promise<Quota> {
  const subvolume = await subvolumeOf(target)
  const folder = folderOf(target, subvolume)
  if (folder.kind === "disabled") return notEnabled(target)
  if (folder.kind === "unseen") return byProgram(target, subvolume)
  const source = `/sys/fs/btrfs/${target.location.filesystem.uuid ?? ""}/qgroups/0_${subvolume}`
  const doubt = folder.inconsistent === true ? INCONSISTENT : undefined
  const quota = enabled(target, source, folder.figures, sentencesAbout(folder))
  const usedBytes = folder.figures?.referenced === 0 && doubt !== undefined ? NOT_COUNTED : quota.usedBytes
  return { ...quota, usedBytes, doubt }
}

function folderOf({ location, host }: Target, subvolume: number): QgroupFolder {
  const { uuid } = location.filesystem
  return uuid === undefined ? { kind: "unseen" } : readQgroupFolder(uuid, subvolume, host)
}

/** What is mounted tells its subvolume; only for a subvolume in that one a program has to be asked. */
async function subvolumeOf({ directory, location, mount }: Target): Promise<number> {
  const mounted = mount.options.map((option) => /^subvolid=(\d+)$/.exec(option)?.[1]).find(Boolean)
  if (
    mounted !== undefined &&
    statSync(location.mountPoint, { bigint: true }).dev === directory.identity.device
  )
    return Number(mounted)
  return btrfsSubvolumeId(directory)
}

async function byProgram(target: Target, subvolume: number): Promise<Quota> {
  const source = "btrfs qgroup show"
  try {
    const table = await btrfsQgroupTable(target.directory)
    return enabled(target, source, parseQgroupTable(table, subvolume), [])
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    if (/quotas? not enabled/.test(String(error.facts["said"]))) return notEnabled(target)
    const unknown = { unknown: error.message }
    return quota(target, source, { limitBytes: unknown, usedBytes: unknown }, [])
  }
}

function enabled(
  target: Target,
  source: string,
  figures: QgroupFigures | undefined,
  notices: readonly string[],
): Quota {
  if (figures === undefined) {
    const unknown = {
      unknown: "the subvolume has no qgroup: it is older than the accounting, or its group was removed",
    }
    return quota(target, source, { limitBytes: "none", usedBytes: unknown }, notices)
  }
  const exclusive =
    figures.maxExclusive === "none"
      ? []
      : [`What only this subvolume refers to is limited besides, to ${figures.maxExclusive} bytes.`]
  const { maxReferenced: limitBytes, referenced: usedBytes } = figures
  return quota(target, source, { limitBytes, usedBytes }, [...notices, ...exclusive])
}

function quota(
  target: Target,
  source: string,
  figures: Pick<Quota, "limitBytes" | "usedBytes">,
  notices: readonly string[],
): Quota {
  return {
    kind: "btrfs-qgroup",
    ...treeOf(target, notices),
    enforced: figures.limitBytes !== "none",
    ...figures,
    limitFiles: "none",
    usedFiles: filesUnknown,
    source,
  }
}

function treeOf({ location }: Target, notices: readonly string[]): Pick<Quota, "tree" | "notices"> {
  const tree = subvolumeAround(location)
  if (tree === location.realPath) return { tree, notices }
  const around = `The figures are those of the whole subvolume that it lies in${tree === undefined ? "" : `, ${tree}`}.`
  return { tree: tree ?? location.mountPoint, notices: [...notices, around] }
}

function notEnabled(target: Target): Quota {
  return {
    kind: "none",
    ...treeOf(target, []),
    enforced: false,
    limitBytes: "none",
    usedBytes: { unknown: "quotas are not enabled on this btrfs" },
    limitFiles: "none",
    usedFiles: filesUnknown,
    source: "/sys/fs/btrfs",
  }
}

/** Counting begins by setting all figures to 0. */
const NOT_COUNTED = { unknown: "the kernel has not counted the subvolume yet" }

const INCONSISTENT =
  "The accounting is being counted, or is inconsistent: until `btrfs quota rescan -w` has ended, limits may not hold and the figures may be wrong."

function sentencesAbout(folder: Extract<QgroupFolder, { kind: "enabled" }>): string[] {
  return [
    folder.inconsistent === true && INCONSISTENT,
    folder.simple &&
      "These are simple quotas: they count what was first written here, not what is referred to.",
    folder.parents.length > 0 &&
      `Groups above the subvolumes (${folder.parents.slice(0, 5).join(", ")}) may limit it, too; what they limit is not reliable.`,
  ].filter((sentence) => sentence !== false)
}

async function plan(target: Target, { bytes, files }: WantedLimit): Promise<LimitPlan> {
  const before = await quotaOf(target)
  const { realPath } = target.location
  const facts = { directory: realPath }
  if (typeof files === "number") {
    throw new StorageError("unsupported", "btrfs limits no files", { facts, hint: "Limit the bytes alone." })
  }
  if (!isSubvolume(target.directory.identity.inode)) {
    throw new StorageError("unsupported", `${realPath} is no subvolume, and btrfs limits only those`, {
      facts,
      hint: `Make it with \`btrfs subvolume create\` before anything is written to it, or limit the subvolume around it${before.tree === realPath ? "" : `, ${before.tree}`}.`,
    })
  }
  if (before.kind === "none") {
    throw new StorageError(
      "unsupported",
      `quotas are not enabled on the btrfs at ${target.location.mountPoint}`,
      {
        facts,
        hint: "`cistern quotas prepare` enables them: for the whole filesystem, which costs time with many filesystem snapshots.",
      },
    )
  }
  if (typeof before.usedBytes === "object" && before.usedBytes !== NOT_COUNTED) {
    throw new StorageError("unsupported", `${realPath} cannot be limited: ${before.usedBytes.unknown}`, {
      facts,
      hint: "Run as root; where the subvolume has no qgroup, make it with `btrfs qgroup create` and count anew with `btrfs quota rescan -w`.",
    })
  }
  return {
    before,
    limit: { bytes, files: "none" },
    steps: [
      bytes === "none"
        ? "lift the limit of the subvolume's qgroup"
        : `limit the subvolume's qgroup to ${bytes} bytes`,
    ],
    notices: [
      ...before.notices,
      "Subvolumes in it are not counted, nor are filesystem snapshots of it; `df` and NFS clients do not see the limit.",
    ],
    project: undefined,
  }
}

async function apply(target: Target, limit: QuotaLimit): Promise<void> {
  await btrfsLimit(target.directory, limit.bytes)
}

async function undo(target: Target, _: LimitOptions, { before }: LimitPlan): Promise<void> {
  if (typeof before.limitBytes !== "object") await btrfsLimit(target.directory, before.limitBytes)
}

/** What only the subvolume at `path` refers to: what deleting it would give back. Unknown where that is not counted. */
export async function ownBytesOf(path: string): Promise<Measured> {
  return withTarget(path, async (target) => {
    const folder = folderOf(target, await subvolumeOf(target))
    if (folder.kind !== "enabled") return { unknown: "quotas are not enabled on this btrfs" }
    if (folder.inconsistent === true)
      return { unknown: "the accounting is being counted, or is inconsistent" }
    return folder.figures?.exclusive ?? { unknown: "the subvolume has no qgroup" }
  })
}
