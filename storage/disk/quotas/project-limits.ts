import { readdirSync } from "node:fs"
import { StorageError } from "../../errors.js"
import {
  chattrNoProject,
  chattrProject,
  type ProjectLimits,
  setquotaProject,
  xfsLimitProject,
  xfsProjectTree,
} from "../../host/index.js"
import {
  inheritsProject,
  mountHint,
  projectOf,
  projectQuotaOf,
  reportOn,
  stateOf,
  withDirectory,
} from "./projects.js"
import { bytesOfKibibytes, kibibytesOf, type Quota, type QuotaLimit, type WantedLimit } from "./quota.js"
import type { LimitOptions, LimitPlan, QuotaFilesystem } from "./quota-filesystem.js"
import { isXfs, type Target } from "./target.js"

/** A daemon whose state was lost finds the numbers of the one before in use. */
const MOST_TRIES = 100

/** Limits of projects on XFS and ext4. A directory that is in none gets one of its own, while it is empty. */
export const projects: QuotaFilesystem = { quotaOf: projectQuotaOf, plan, apply, undo }

async function plan(target: Target, wanted: WantedLimit, options: LimitOptions): Promise<LimitPlan> {
  const { location } = target
  const facts = { directory: location.realPath, mountPoint: location.mountPoint }
  if (stateOf(target) !== "on") {
    const what = stateOf(target) === "off" ? "project quotas are not on" : "project quotas are only counted"
    throw new StorageError("unsupported", `${what} at ${location.mountPoint}`, {
      facts,
      hint: mountHint(target),
    })
  }
  const before = await projectQuotaOf(target)
  const found = await projectOf(target.directory)
  const own = found !== 0 && !(await inheritsProject(target, found))
  const limit = { bytes: wanted.bytes, files: filesOf(wanted, own ? before : undefined) }
  const isLifting = limit.bytes === "none" && limit.files === "none"
  if (!own && found !== 0 && isLifting) {
    throw new StorageError("unsupported", `the limit of ${location.realPath} is that of a tree around it`, {
      facts,
      hint: "Lift the limit of that tree, or give this directory one of its own.",
    })
  }
  if (!own && !isLifting) requireNew(target, options)
  return {
    before,
    limit,
    steps: stepsOf(limit, own ? found : undefined, isLifting, options),
    notices: [
      ...before.notices,
      ...(own || isLifting ? [] : ["Files are copied, not moved, when they are moved into it or out of it."]),
    ],
    project: own ? found : undefined,
  }
}

/** `before`: the limits of the directory's own project. */
function filesOf({ files }: WantedLimit, before: Quota | undefined): number | "none" {
  if (files !== "keep") return files
  if (before === undefined) return "none"
  if (typeof before.limitFiles !== "object") return before.limitFiles
  throw new StorageError(
    "unreadable",
    `how many files it may hold is not known: ${before.limitFiles.unknown}`,
    {
      hint: "Run the daemon as root.",
    },
  )
}

/** Whether the directory can be put into a project of its own. */
function requireNew(target: Target, { projects: ids, existing }: LimitOptions): void {
  const { realPath } = target.location
  const facts = { directory: realPath }
  if (ids === undefined) {
    throw new StorageError("unsupported", `${realPath} belongs to no project of its own`, {
      facts,
      hint: "Give a range of project numbers that nobody else uses.",
    })
  }
  if (readdirSync(target.directory.entry(".")).length === 0) return
  if (existing === true && isXfs(target)) return
  const hint = isXfs(target)
    ? "Limit it when it has just been made; or ask for what it holds to be taken in, which walks through all of it."
    : "Limit it when it has just been made: make an empty directory with a limit, copy the content into it, and exchange the two."
  throw new StorageError("unsupported", `${realPath} is not empty, and what is in it belongs to no project`, {
    facts,
    hint,
  })
}

function stepsOf(
  limit: QuotaLimit,
  project: number | undefined,
  isLifting: boolean,
  { existing }: LimitOptions,
): string[] {
  if (isLifting)
    return project === undefined ? [] : [`lift the limits of project ${project}; it stays counted`]
  const tag =
    existing === true
      ? "put the directory and all that is in it into a new project"
      : "put the directory into a new project"
  const { bytes, files } = limit
  return [
    ...(project === undefined ? [tag] : []),
    `limit ${project === undefined ? "it" : `project ${project}`} to ${bytes === "none" ? "any number of" : bytesOfKibibytes(kibibytesOf(bytes))} bytes and ${files === "none" ? "any number of" : files} files`,
  ]
}

async function apply(
  target: Target,
  limit: QuotaLimit,
  options: LimitOptions,
  plan: LimitPlan,
): Promise<void> {
  if (plan.steps.length === 0) return
  const project = plan.project ?? (await putIntoProject(target, options))
  await limitProject(target, project, limitsOf(limit.bytes, limit.files))
}

async function putIntoProject(target: Target, options: LimitOptions): Promise<number> {
  requireNew(target, options)
  const project = await unusedProject(target, options)
  if (options.existing === true && isXfs(target))
    await withDirectory(target.location.mountPoint, (mountPoint) =>
      xfsProjectTree("set", mountPoint, target.directory, project),
    )
  else await chattrProject(target.directory, project)
  return project
}

/** A number that nothing is in. One that is in use is given up for good. */
async function unusedProject(target: Target, { projects: ids }: LimitOptions): Promise<number> {
  const { realPath } = target.location
  let project = 0
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    project = (await ids?.take(realPath)) ?? 0
    if (project === 0) throw new TypeError("a project has no number 0")
    const known = await reportOn(target, project).catch(() => undefined)
    if (known === undefined || known.usedFiles === 0) return project
    await ids?.release(realPath)
  }
  throw new StorageError(
    "unsupported",
    `project ${project} and others before it are in use already, by something else than ${realPath}`,
    {
      facts: { project, directory: realPath },
      hint: "Somebody else uses that range. Try again: those numbers are not tried any more.",
    },
  )
}

function limitsOf(bytes: number | "none", files: number | "none"): ProjectLimits {
  return { kibibytes: kibibytesOf(bytes), files: files === "none" ? 0 : files }
}

async function limitProject(target: Target, project: number, limits: ProjectLimits): Promise<void> {
  await withDirectory(target.location.mountPoint, (mountPoint) =>
    isXfs(target)
      ? xfsLimitProject(mountPoint, project, limits)
      : setquotaProject(mountPoint, project, limits),
  )
}

async function undo(target: Target, options: LimitOptions, { before, project }: LimitPlan): Promise<void> {
  if (project !== undefined) {
    const [bytes, files] = [before.limitBytes, before.limitFiles]
    if (typeof bytes !== "object" && typeof files !== "object")
      await limitProject(target, project, limitsOf(bytes, files))
    return
  }
  const { realPath } = target.location
  const taken = await options.projects?.take(realPath)
  if (taken !== undefined && (await projectOf(target.directory)) === taken) {
    await limitProject(target, taken, { kibibytes: 0, files: 0 })
    if (isXfs(target))
      await withDirectory(target.location.mountPoint, (mountPoint) =>
        xfsProjectTree("clear", mountPoint, target.directory, taken),
      )
    else await chattrNoProject(target.directory)
  }
  await options.projects?.release(realPath)
}
