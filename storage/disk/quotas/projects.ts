import { dirname } from "node:path"
import { StorageError } from "../../errors.js"
import { lsattrProject, repquotaProjects, xfsProjectReport } from "../../host/index.js"
import { HeldDirectory } from "../open-directory.js"
import { lookAlike, statfsFigures } from "./project-statfs.js"
import { parseLsattr, parseRepquota, parseXfsReport, type ProjectFigures } from "./project-tables.js"
import type { Limit, Quota } from "./quota.js"
import { isXfs, type Target } from "./target.js"

// Projects of XFS and ext4 (reference nas-platforms.md §5.2, §5.3): a directory gets a number, what is made in it inherits it,
// and the filesystem counts and limits by number.

/** What limits the tree of a directory on XFS or ext4. */
export async function projectQuotaOf(target: Target): Promise<Quota> {
  const state = stateOf(target)
  if (state === "off") return noQuota(target, "project quotas are not on", [mountHint(target)])
  const { realPath, mountPoint } = target.location
  const seen = statfsFigures(realPath, mountPoint)
  if (seen?.usedBytes === undefined || seen.usedBytes >= seen.limitBytes) return byProgram(target)
  const tree = treeOf(target)
  return {
    ...common(target),
    tree,
    limitBytes: seen.limitBytes,
    usedBytes: seen.usedBytes,
    limitFiles: seen.limitFiles ?? "none",
    usedFiles: seen.usedFiles ?? { unknown: "statfs tells no files where none are limited" },
    source: "statfs",
    notices: [...noticesOf(target), ...aboveNotice(tree, target)],
  }
}

/** "counting": the limits are not held. */
export function stateOf({ mount }: Target): "on" | "counting" | "off" {
  if (mount.options.includes("pqnoenforce")) return "counting"
  return mount.options.some((option) => option === "prjquota" || option === "pquota") ? "on" : "off"
}

const ONLY_COUNTED = "Its mount only counts (pqnoenforce): nothing is refused."

function common(target: Target): Pick<Quota, "kind" | "tree" | "enforced" | "doubt"> {
  return {
    kind: isXfs(target) ? "xfs-project" : "ext4-project",
    tree: target.location.realPath,
    enforced: stateOf(target) === "on",
    doubt: stateOf(target) === "counting" ? ONLY_COUNTED : undefined,
  }
}

function noticesOf(target: Target): string[] {
  const counting = stateOf(target) === "counting"
  return [
    counting && ONLY_COUNTED,
    !isXfs(target) && "ext4 does not hold root to it: squash NFS clients to another user.",
  ].filter((notice) => notice !== false)
}

/** The directory whose figures these seem to be: those above it that show the same ones are in the same project. */
function treeOf({ location: { realPath, mountPoint } }: Target): string {
  let tree = realPath
  while (tree !== mountPoint && lookAlike(realPath, dirname(tree))) tree = dirname(tree)
  return tree
}

function aboveNotice(tree: string, { location: { realPath } }: Target): string[] {
  if (tree === realPath) return []
  return ["The directory above shows the same figures: the limit may be that of a tree around it."]
}

async function byProgram(target: Target): Promise<Quota> {
  const project = await projectOf(target.directory)
  if (project === 0) return noQuota(target, "it belongs to no project, and only projects are counted", [])
  const source = isXfs(target) ? "xfs_quota report" : "repquota"
  const inherited = await inheritsProject(target, project)
  const notices = [
    ...noticesOf(target),
    ...(inherited
      ? ["The project is that of the directory above: the figures are those of the tree around it."]
      : []),
  ]
  const figures = await reportOn(target, project).catch(unknownBecause)
  if ("unknown" in figures) {
    const seen = statfsFigures(target.location.realPath, target.location.mountPoint)
    const limit: Limit = seen?.limitBytes ?? figures
    return {
      ...common(target),
      limitBytes: limit,
      usedBytes: figures,
      limitFiles: seen?.limitFiles ?? figures,
      usedFiles: figures,
      source,
      notices,
    }
  }
  return {
    ...common(target),
    ...(inherited && { tree: dirname(target.location.realPath) }),
    enforced: stateOf(target) === "on" && (figures.hardBytes > 0 || figures.hardFiles > 0),
    limitBytes: limitOf(figures.softBytes, figures.hardBytes),
    usedBytes: figures.usedBytes,
    limitFiles: limitOf(figures.softFiles, figures.hardFiles),
    usedFiles: figures.usedFiles,
    source,
    notices,
  }
}

function unknownBecause(error: unknown): { readonly unknown: string } {
  if (error instanceof StorageError) return { unknown: error.message }
  throw error
}

/** The soft limit where it is lower, as statfs tells it: it holds when its time of grace has passed. */
function limitOf(soft: number, hard: number): number | "none" {
  const limits = [soft, hard].filter((limit) => limit > 0)
  return limits.length === 0 ? "none" : Math.min(...limits)
}

export async function projectOf(directory: HeldDirectory): Promise<number> {
  return parseLsattr(await lsattrProject(directory))
}

export async function inheritsProject(
  { location: { realPath, mountPoint } }: Target,
  project: number,
): Promise<boolean> {
  if (realPath === mountPoint) return false
  return withDirectory(dirname(realPath), async (above) => (await projectOf(above)) === project)
}

export async function reportOn(target: Target, project: number): Promise<ProjectFigures> {
  const figures = await withDirectory(target.location.mountPoint, async (mountPoint) =>
    isXfs(target)
      ? parseXfsReport(await xfsProjectReport(mountPoint, project), project)
      : parseRepquota(await repquotaProjects(mountPoint), project),
  )
  if (figures !== undefined) return figures
  throw new StorageError("unreadable", `nothing is told of project ${project}; only root may ask`, {
    facts: { project },
    hint: "Run the daemon as root.",
  })
}

export async function withDirectory<T>(
  path: string,
  work: (directory: HeldDirectory) => Promise<T>,
): Promise<T> {
  const directory = HeldDirectory.at(path)
  try {
    return await work(directory)
  } finally {
    directory.close()
  }
}

function noQuota(target: Target, unknown: string, notices: readonly string[]): Quota {
  return {
    kind: "none",
    tree: target.location.realPath,
    enforced: false,
    limitBytes: "none",
    usedBytes: { unknown },
    limitFiles: "none",
    usedFiles: { unknown },
    source: "the mount's options",
    notices,
  }
}

export function mountHint(target: Target): string {
  return isXfs(target)
    ? "Unmount it and mount it with `prjquota`; a remount says that it did so, and does not."
    : "Unmount it, run `tune2fs -O project,quota` on its device, and mount it with `prjquota`."
}
