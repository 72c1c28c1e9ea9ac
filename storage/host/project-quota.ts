import { given, type OpenDirectory, runOn, runTool } from "./tool.js"

// Projects by e2fsprogs, for XFS as well as for ext4, and their limits on ext4 by the quota tools (reference nas-platforms.md
// §5.3). All throw StorageError: `missing` without the program, `unreadable` without the right to, `io`, `timeout`, `unsupported`.

/** Limits of a project. 0 is none. */
export interface ProjectLimits {
  readonly kibibytes: number
  readonly files: number
}

/** What `lsattr` writes about a directory: its project and its flags. Needs no rights. */
export function lsattrProject(directory: OpenDirectory): Promise<string> {
  return runOn(runTool, "lsattr", ["-pd", "--", given(0)], [directory])
}

/** Puts a directory, not what is in it, into a project; what is made in it from now on belongs to the project too. */
export async function chattrProject(directory: OpenDirectory, project: number): Promise<void> {
  await runOn(runTool, "chattr", ["-p", String(project), "+P", "--", given(0)], [directory])
}

/** Takes a directory, not what is in it, out of its project. */
export async function chattrNoProject(directory: OpenDirectory): Promise<void> {
  await runOn(runTool, "chattr", ["-p", "0", "-P", "--", given(0)], [directory])
}

/** Soft and hard limits alike: statfs shows the soft one, and only the hard one holds. */
export async function setquotaProject(
  mountPoint: OpenDirectory,
  project: number,
  { kibibytes, files }: ProjectLimits,
): Promise<void> {
  const limits = [kibibytes, kibibytes, files, files].map(String)
  await runOn(runTool, "setquota", ["-P", String(project), ...limits, given(0)], [mountPoint])
}

/** Every project with its limits and its use, as CSV. Without rights there is only the header, and no failure. */
export function repquotaProjects(mountPoint: OpenDirectory): Promise<string> {
  return runOn(runTool, "repquota", ["-P", "-n", "-p", "-O", "csv", given(0)], [mountPoint])
}
