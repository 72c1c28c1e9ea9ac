import { lstatSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { locate, STORE_FOLDER } from "../../../storage/disk/index.js"
import { type Survey, whyInexpressible } from "../../../storage/survey/index.js"
import type { AdoptNotice, Proposed, StoreDraft } from "./proposal.js"
import { Names } from "./proposal.js"

/** Which store a repository is in, and where below it. */
export interface StoredAt {
  readonly store: string
  readonly path: string
}

export interface ChosenStores {
  readonly stores: readonly Proposed<StoreDraft>[]
  /** From a repository's path in the survey. */
  readonly places: ReadonlyMap<string, StoredAt>
  readonly notices: readonly AdoptNotice[]
}

/**
 * Chooses the directories that are to be stores. The place itself, unless it is a repository, in which nothing of ours may be
 * written, or only a folder of the system's own filesystem under which others are mounted. Looks at directories above and
 * below; throws StorageError where they cannot be looked at any more.
 */
export function chooseStores(survey: Survey): ChosenStores {
  const { top, repositories } = survey
  const homes = new Map<string, string>()
  for (const { path } of repositories) homes.set(path, homeOf(path, survey))
  const names = new Names()
  const directories = [...new Set(homes.values())].sort()
  const stores = new Map(
    directories.map((directory) => [directory, names.take(nameOf(directory, top.mountPoint))]),
  )
  const places = new Map<string, StoredAt>()
  for (const [path, home] of homes) {
    const directory = path === "" ? top.realPath : join(top.realPath, path)
    const below = directory === home ? "" : directory.slice(home === "/" ? 1 : home.length + 1)
    places.set(path, { store: stores.get(home) ?? "", path: below })
  }
  const described = [...stores].map(([directory, name]) => describe(directory, name, survey))
  return {
    stores: described.map(({ proposed }) => proposed),
    places,
    notices: described.flatMap(({ notices }) => notices),
  }
}

/** The absolute path of the store that a repository belongs to. */
function homeOf(path: string, { top, crossed, repositories }: Survey): string {
  const { realPath, mountPoint } = top
  if (path === "") return mountPoint === realPath || !canBeBelow(realPath) ? realPath : dirname(realPath)
  if (mountPoint !== "/") return realPath
  const directory = join(realPath, path)
  const mounted = crossed
    .map((mount) => mount.path)
    .filter((mount) => directory === mount || directory.startsWith(`${mount}/`))
    .sort((one, other) => one.length - other.length)[0]
  if (mounted !== undefined) return mounted
  // The whole machine is no store; what the repositories have in common is.
  return realPath === "/" ? commonParent(repositories.map((found) => join("/", found.path))) : realPath
}

/** Whether a repository can be declared by its name in the folder above. */
function canBeBelow(directory: string): boolean {
  return dirname(directory) !== "/" && whyInexpressible(basename(directory)) === undefined
}

function commonParent(paths: readonly string[]): string {
  const split = paths.map((path) => dirname(path).split("/"))
  const [first = []] = split
  const end = first.findIndex((part, at) => split.some((other) => other[at] !== part))
  return first.slice(0, end < 0 ? first.length : end).join("/") || "/"
}

function nameOf(directory: string, mountPoint: string): string {
  return basename(directory) || basename(mountPoint) || "root"
}

function describe(
  directory: string,
  name: string,
  survey: Survey,
): { proposed: Proposed<StoreDraft>; notices: AdoptNotice[] } {
  const { mountPoint, filesystem, readOnly, mountsBelow } = locate(directory)
  const allowRoot = mountPoint === "/"
  const remarks = [
    `${filesystem.type} ${filesystem.source}, mounted at ${mountPoint}${readOnly ? ", read-only" : ""}.`,
  ]
  const notices: AdoptNotice[] = []
  if (allowRoot) {
    const message =
      "it is on the machine's own root filesystem, where a missing disk looks like an empty directory"
    remarks.push(`check: ${message}.`)
    notices.push({
      code: "root_filesystem",
      path: directory,
      message,
      hint: "If a disk should be mounted there, mount it and run the command again.",
    })
  }
  const crossed = survey.crossed.filter(({ path }) => mountsBelow.includes(path))
  for (const { path, type, source } of crossed)
    remarks.push(`${type} ${source} is mounted in it, at ${path}.`)
  if (crossed.length > 0) {
    remarks.push("An export of it must cross into them; `cistern exports apply` sees to that.")
  }
  if (directory !== survey.top.realPath && survey.top.realPath.startsWith(directory)) {
    remarks.push(
      `The folder above ${survey.top.realPath}, because that is a repository: Cistern keeps a folder .cistern in a store, never in a repository.`,
    )
  }
  if (isStore(directory)) {
    remarks.push("It was a store before; what was remembered of it there is adopted with it.")
    notices.push({
      code: "adopted_before",
      path: directory,
      message: "it is a store already, of this machine's daemon or of another one (.cistern/store.json)",
      hint: "A store belongs to one daemon. Look at `cistern stores` before you apply.",
    })
  }
  return { proposed: { entry: { name, path: directory, allowRoot }, remarks }, notices }
}

function isStore(directory: string): boolean {
  try {
    return lstatSync(join(directory, STORE_FOLDER, "store.json"), { throwIfNoEntry: false }) !== undefined
  } catch {
    // Then applying says why.
    return false
  }
}
