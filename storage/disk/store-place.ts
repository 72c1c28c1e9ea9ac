import { mkdirSync, readFileSync, realpathSync, rmdirSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { type Mount, mountOf, readMounts } from "./mountinfo.js"

export interface StorePlaceRequest {
  /** Absolute and normal. */
  readonly path: string
  /** Whether it may lie on the machine's root filesystem. */
  readonly allowRoot: boolean
  /** The table of filesystems that are to be mounted at boot. */
  readonly fstab?: string
}

/**
 * The directories that a new store's path needs and that are not there, the outermost first. Throws StorageError `missing` where the path
 * lies under a mount point of fstab that nothing is mounted on, or on the root filesystem where it must not; `invalid` where it is
 * no directory. Changes nothing. Hangs where the mount hangs.
 */
export function missingForStore({ path, allowRoot, fstab = "/etc/fstab" }: StorePlaceRequest): string[] {
  const missing: string[] = []
  let there = path
  while (!isThere(there)) {
    missing.unshift(there)
    there = dirname(there)
  }
  const real = realpathSync(there)
  const target = join(real, relative(there, path))
  const mounts = readMounts()
  refuseBare([path, target], mountPointsIn(textOf(fstab)), mounts)
  if (!allowRoot && mountOf(real, mounts).mountPoint === "/") {
    throw new StorageError(
      "missing",
      `${path} is not on a mounted filesystem, but on that of the system itself`,
      {
        facts: { file: path },
        hint: "Mount the store's filesystem there, or say --allow-root.",
      },
    )
  }
  return missing
}

/** Makes them, as root's own (mode 0755), and gives them. Where it cannot make all, it takes back what it made. Throws as missingForStore does. */
export function makeStorePlace(request: StorePlaceRequest): string[] {
  const made: string[] = []
  try {
    for (const directory of missingForStore(request)) {
      mkdirSync(directory, { mode: 0o755 })
      made.push(directory)
    }
  } catch (cause) {
    removeMade(made)
    if (cause instanceof StorageError) throw cause
    throw new StorageError("unreadable", `${request.path} cannot be made (${errnoOf(cause) ?? "unknown"})`, {
      facts: { file: request.path },
      hint: "Make it yourself, and try again without --make.",
      cause,
    })
  }
  return made
}

/** Takes back what makeStorePlace made, as far as nothing lies in it. */
export function removeMade(made: readonly string[]): void {
  for (const directory of made.toReversed()) {
    try {
      rmdirSync(directory)
    } catch {
      return
    }
  }
}

/** The mount points that a table such as /etc/fstab names (fstab(5)). */
export function mountPointsIn(fstab: string): string[] {
  return fstab.split("\n").flatMap((line) => {
    const [source = "", mountPoint = ""] = line.trim().split(/[ \t]+/)
    if (source.startsWith("#") || !mountPoint.startsWith("/")) return []
    const path = mountPoint.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(parseInt(digits, 8)),
    )
    return [path.length > 1 ? path.replace(/\/+$/, "") : path]
  })
}

/** What is written there goes out of sight when the filesystem is mounted at last. */
function refuseBare(paths: readonly string[], declared: readonly string[], mounts: readonly Mount[]): void {
  const mounted = new Set(mounts.map(({ mountPoint }) => mountPoint))
  for (const mountPoint of declared) {
    const real = realPathOf(mountPoint)
    if (mounted.has(mountPoint) || mounted.has(real)) continue
    const concerned = paths.find((path) => isWithin(mountPoint, path) || isWithin(real, path))
    if (concerned === undefined) continue
    throw new StorageError(
      "missing",
      `nothing is mounted at ${mountPoint}, where a filesystem is to be mounted`,
      {
        facts: { file: concerned, mountPoint },
        hint: `Mount it (\`mount ${mountPoint}\`), or take it out of /etc/fstab where it is gone for good.`,
      },
    )
  }
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`)
}

function isThere(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return false
    throw new StorageError("unreadable", `${path} cannot be looked at (${errnoOf(cause) ?? "unknown"})`, {
      cause,
    })
  }
  throw new StorageError("invalid", `${path} is no directory`, { facts: { file: path } })
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // A container has none.
    return ""
  }
}
