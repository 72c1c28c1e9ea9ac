import { accessSync, constants } from "node:fs"
import { StorageError } from "../../errors.js"
import { errnoOf } from "../../errno.js"
import { foreignNames } from "../emptiness.js"
import { STORE_FOLDER } from "../sentinel.js"
import type { DirectoryAcl } from "./acl.js"
import { readAcl } from "./keep-acl.js"
import { safeParts } from "./names.js"
import type { Entry, Kind, Pinned } from "./pinned.js"
import { alongTheWay, lastOf, type StoreRoot } from "./way.js"

export interface LookRequest {
  readonly store: StoreRoot
  /** Relative to the store; "" is the store itself. */
  readonly path: string
  /** Files and folders below it that are looked at, at most. */
  readonly most: number
  /** Whether its access control list is read, too, which takes a program. */
  readonly acl?: boolean
}

/** A directory's access control list, as far as it could be read. */
export type AclLook =
  | ({ readonly kind: "read" } & DirectoryAcl)
  | { readonly kind: "unknown"; readonly why: string; readonly hint: string }

/** A directory as it was found. */
export interface DirectoryLook {
  readonly path: string
  readonly uid: number
  readonly gid: number
  readonly mode: number
  /** Left out: nobody asked for it. */
  readonly acl?: AclLook
  /** The store, and the directories below it that lead to this one. */
  readonly above: readonly (Pick<Entry, "uid" | "gid" | "mode"> & { readonly path: string })[]
  /** Of what lies below it, as far as it was looked at. */
  readonly below: readonly OwnedGroup[]
  readonly looked: number
  /** What this process may not read, the directory itself included. */
  readonly unreadable: { readonly count: number; readonly example: string } | undefined
}

/** Files, folders or others that have owner and mode in common. */
export interface OwnedGroup {
  readonly uid: number
  readonly gid: number
  readonly mode: number
  readonly kind: Kind
  readonly count: number
  readonly example: string
}

/** The packs of a large repository lie in thousands of folders, and one has thousands of files. */
const MOST_IN_A_FOLDER = 20

/**
 * Looks at a directory and at some of what lies below it, from the top and on its own filesystem. Follows no link, changes nothing. What
 * filesystems and NAS systems put there is left out. Throws StorageError `missing`, `corrupt`, `unreadable`, `io`.
 */
export function lookAtDirectory({ store, path, most, acl = false }: LookRequest): DirectoryLook {
  return alongTheWay(store, path === "" ? [] : safeParts(path), (way) => {
    const directory = lastOf(way)
    const above = way.slice(0, -1).map((one) => {
      const { uid, gid, mode } = one.look()
      return { path: one.path, uid, gid, mode }
    })
    const { uid, gid, mode } = directory.look()
    const list = acl ? { acl: aclLook(directory) } : {}
    return { path: directory.path, uid, gid, mode, ...list, above, ...sampleBelow(directory, most) }
  })
}

/** What else is seen of a directory does not depend on a program that may be missing. */
function aclLook(directory: Pinned): AclLook {
  try {
    return { kind: "read", ...readAcl(directory) }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return { kind: "unknown", why: error.message, hint: error.hint ?? "Run `getfacl -n` on it by hand." }
  }
}

function sampleBelow(
  directory: Pinned,
  most: number,
): Pick<DirectoryLook, "below" | "looked" | "unreadable"> {
  const groups = new Map<string, OwnedGroup>()
  const unreadable: string[] = []
  let looked = 0
  const { device } = directory.look()
  const folders = [directory]
  if (!isReadable(directory, "directory")) unreadable.push(directory.path)
  try {
    for (let folder = folders[0]; folder !== undefined && looked < most; folder = folders[0]) {
      for (const name of namesIn(folder, Math.min(MOST_IN_A_FOLDER, most - looked))) {
        const entry = childOf(folder, name)
        if (entry === undefined) continue
        const { kind, uid, gid, mode, device: its } = entry.look()
        if (kind === "link" || its !== device) {
          entry.close()
          continue
        }
        looked++
        const key = [uid, gid, mode, kind].join(":")
        const known = groups.get(key) ?? { uid, gid, mode, kind, count: 0, example: entry.path }
        groups.set(key, { ...known, count: known.count + 1 })
        if (!isReadable(entry, kind)) unreadable.push(entry.path)
        if (kind === "directory") folders.push(entry)
        else entry.close()
      }
      folders.shift()
      if (folder !== directory) folder.close()
    }
  } finally {
    for (const folder of folders) if (folder !== directory) folder.close()
  }
  const [example] = unreadable
  return {
    below: [...groups.values()].sort((one, other) => other.count - one.count),
    looked,
    unreadable: example === undefined ? undefined : { count: unreadable.length, example },
  }
}

/** What is gone meanwhile, or may not be looked at, shows nothing. */
function childOf(folder: Pinned, name: string): Pinned | undefined {
  try {
    return folder.child(name)
  } catch (error) {
    if (error instanceof StorageError && error.code === "unreadable") return undefined
    throw error
  }
}

function namesIn(folder: Pinned, most: number): string[] {
  try {
    return folder.someNames(most, (name) => !foreignNames.has(name) && name !== STORE_FOLDER)
  } catch (error) {
    // It may not be entered, which was counted, or it is gone meanwhile.
    if (errnoOf(error) === "EACCES" || errnoOf(error) === "ENOENT") return []
    throw error
  }
}

function isReadable(entry: Pinned, kind: Kind): boolean {
  try {
    accessSync(entry.self, kind === "directory" ? constants.R_OK | constants.X_OK : constants.R_OK)
    return true
  } catch (error) {
    return errnoOf(error) !== "EACCES"
  }
}
