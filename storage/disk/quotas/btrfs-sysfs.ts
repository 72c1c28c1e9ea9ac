import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { HostFolders } from "../filesystem-uuid.js"
import type { QgroupFigures } from "./btrfs-tables.js"

/** What the kernel tells everybody about the accounting of a btrfs (since 5.9; some of it later). */
export type QgroupFolder =
  /** The kernel does not show this filesystem here: an old one, or a container with another view. */
  | { readonly kind: "unseen" }
  | { readonly kind: "disabled" }
  | {
      readonly kind: "enabled"
      /** Undefined where the kernel does not tell. */
      readonly inconsistent: boolean | undefined
      /** Simple quotas count by who wrote first, not by who refers. */
      readonly simple: boolean
      /** Groups above those of the subvolumes, such as "1/100". */
      readonly parents: readonly string[]
      /** Undefined where the subvolume has no group. */
      readonly figures: QgroupFigures | undefined
    }

const MAX_REFERENCED = 1
const MAX_EXCLUSIVE = 2

/** Reads /sys/fs/btrfs/<fsid>/qgroups, which takes no rights. Throws StorageError `corrupt` for what is no number. */
export function readQgroupFolder(uuid: string, subvolume: number, host: HostFolders): QgroupFolder {
  const filesystem = join(host.sys, "fs/btrfs", uuid)
  const names = namesIn(filesystem)
  if (names === undefined) return { kind: "unseen" }
  const folder = join(filesystem, "qgroups")
  const groups = namesIn(folder)
  if (groups === undefined) return knowsQgroups(names) ? { kind: "disabled" } : { kind: "unseen" }
  if (text(join(folder, "enabled")) === "0") return { kind: "disabled" }
  const inconsistent = text(join(folder, "inconsistent"))
  return {
    kind: "enabled",
    inconsistent: inconsistent === undefined ? undefined : inconsistent !== "0",
    simple: text(join(folder, "mode")) === "squota",
    parents: groups.filter((name) => /^[1-9]\d*_\d+$/.test(name)).map((name) => name.replace("_", "/")),
    figures: figuresIn(join(folder, `0_${subvolume}`)),
  }
}

/** Came with 5.10: a kernel that shows it would show qgroups, too, if they were enabled. */
function knowsQgroups(names: readonly string[]): boolean {
  return names.includes("exclusive_operation")
}

function figuresIn(group: string): QgroupFigures | undefined {
  const [referenced, exclusive, flags, maxReferenced, maxExclusive] = [
    "referenced",
    "exclusive",
    "limit_flags",
    "max_referenced",
    "max_exclusive",
  ].map((name) => number(join(group, name)))
  // A group may go while it is read.
  if (referenced === undefined || exclusive === undefined || flags === undefined) return undefined
  if (maxReferenced === undefined || maxExclusive === undefined) return undefined
  return {
    referenced,
    exclusive,
    maxReferenced: (flags & MAX_REFERENCED) === 0 ? "none" : maxReferenced,
    maxExclusive: (flags & MAX_EXCLUSIVE) === 0 ? "none" : maxExclusive,
  }
}

function number(file: string): number | undefined {
  const content = text(file)
  if (content === undefined) return undefined
  if (!/^\d+$/.test(content))
    throw new StorageError("corrupt", `${file}: no number: ${JSON.stringify(content.slice(0, 40))}`)
  return Number(content)
}

function text(file: string): string | undefined {
  return orMissing(() => readFileSync(file, "utf8").trim())
}

function namesIn(folder: string): string[] | undefined {
  return orMissing(() => readdirSync(folder))
}

function orMissing<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno !== undefined && ["ENOENT", "ENODEV", "ENOTDIR", "EACCES"].includes(errno)) return undefined
    throw cause
  }
}
