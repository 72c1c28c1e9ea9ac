import type { ProjectLimits } from "./project-quota.js"
import { given, type OpenDirectory, runOn, runTool } from "./tool.js"

// xfsprogs (reference nas-platforms.md §5.2). xfs_quota takes its commands apart at blanks, so that no name is ever in one.

/** Walking through a repository of a million files takes minutes. */
const walkMs = 3_600_000

/** The limits and the use of one project; nothing but an empty line where there is none, or without the right to look. */
export function xfsProjectReport(mountPoint: OpenDirectory, project: number): Promise<string> {
  return xfsQuota(`report -p -b -i -n -N -L ${project} -U ${project}`, mountPoint)
}

/** Soft and hard limits alike: statfs shows the soft one, and only the hard one holds. */
export async function xfsLimitProject(
  mountPoint: OpenDirectory,
  project: number,
  { kibibytes, files }: ProjectLimits,
): Promise<void> {
  const limits = `bsoft=${kibibytes}k bhard=${kibibytes}k isoft=${files} ihard=${files}`
  await xfsQuota(`limit -p ${limits} ${project}`, mountPoint)
}

/** Puts a directory and everything in it into a project, or takes it out of it. Follows no link. */
export async function xfsProjectTree(
  act: "set" | "clear",
  mountPoint: OpenDirectory,
  directory: OpenDirectory,
  project: number,
): Promise<void> {
  const command = `project ${act === "set" ? "-s" : "-C"} -p ${given(1)} ${project}`
  await runOn(runTool, "xfs_quota", ["-x", "-c", command, given(0)], [mountPoint, directory], {
    milliseconds: walkMs,
  })
}

function xfsQuota(command: string, mountPoint: OpenDirectory): Promise<string> {
  return runOn(runTool, "xfs_quota", ["-x", "-c", command, given(0)], [mountPoint])
}
