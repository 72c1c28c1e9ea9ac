import { mkdirSync, rmdirSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { type NamedRights, shownMode } from "./acl.js"
import { changeError, swapped } from "./failures.js"
import { letIn, letInherit, requireAcl } from "./keep-acl.js"
import { safeParts } from "./names.js"
import type { Pinned } from "./pinned.js"
import { alongTheWay, notThere, type StoreRoot } from "./way.js"

/** Whose a directory is to be. */
export interface DirectoryOwner {
  readonly uid: number
  readonly gid: number
  /** Permission bits, set-gid among them. */
  readonly mode: number
}

/** Whose a new directory is to be, and who else may use it and what is made in it. */
export interface NewOwner extends DirectoryOwner {
  /** Left out: nobody. Otherwise stat shows `shownMode` of it. */
  readonly acl?: readonly NamedRights[]
}

export interface CreateRequest {
  readonly store: StoreRoot
  /** Relative to the store. */
  readonly path: string
  readonly owner: NewOwner
  /** So many of the first parts of the path must be there already; 0 by default. */
  readonly existing?: number | undefined
}

/** A directory on the way that was asked for, the last one itself. */
export interface CreatedDirectory extends DirectoryOwner {
  /** Absolute. */
  readonly path: string
  /** False: it was there, and is as it was. */
  readonly made: boolean
}

/**
 * Makes a directory in a store, and those above it that are not there, all of the same owner, mode and list. One that is there is adopted and
 * told, never changed. Whatever is not known to be complete is removed again. Throws StorageError: `invalid`, `missing`, `corrupt` for
 * links and files on the way, `unreadable`, `io`, `unsupported` where the filesystem does not keep owner, mode or list.
 */
export function createDirectory({
  store,
  path,
  owner,
  existing = 0,
}: CreateRequest): readonly CreatedDirectory[] {
  const made: { above: Pinned; name: string; directory: Pinned }[] = []
  return alongTheWay(
    store,
    safeParts(path),
    (way) =>
      way.slice(1).map((directory) => {
        const { uid, gid, mode } = directory.look()
        return { path: directory.path, made: made.some((one) => one.directory === directory), uid, gid, mode }
      }),
    (above, name) => {
      try {
        if (partsBelow(store.realPath, above.path) < existing) throw notThere(above, name)
        const directory = make(above, name, owner)
        made.push({ above, name, directory })
        return directory
      } catch (error) {
        for (const one of made.reverse()) removeEmpty(one.above, one.name)
        throw error
      }
    },
  )
}

function partsBelow(root: string, path: string): number {
  return path.slice(root.length).split("/").filter(Boolean).length
}

/** A new directory in another one. Throws StorageError; then there is none. */
export function make(above: Pinned, name: string, owner: NewOwner): Pinned {
  const path = `${above.path}/${Buffer.from(name, "latin1").toString("utf8")}`
  try {
    // Closed until it is whose it shall be.
    mkdirSync(above.under(name), { mode: 0o700 })
  } catch (cause) {
    throw changeError(cause, path, "cannot be made")
  }
  const directory = above.child(name)
  if (directory === undefined) throw swapped(path)
  try {
    refuseForeign(directory)
    own(directory, owner)
    directory.sync()
    above.sync()
    return directory
  } catch (cause) {
    directory.close()
    removeEmpty(above, name)
    throw changeError(cause, path, "cannot be given its owner and mode")
  }
}

/** Whoever may write to the directory above could have put another one in the place of ours. */
function refuseForeign(directory: Pinned): void {
  const { kind, uid } = directory.look()
  const user = process.geteuid?.()
  if (kind !== "directory" || directory.names().length > 0) throw swapped(directory.path)
  if (user !== undefined && uid !== user) {
    throw new StorageError(
      "unsupported",
      `${directory.path} belongs to uid ${uid} as soon as it is made, not to us`,
      {
        facts: { file: directory.path, uid },
        hint: "The store is mounted from a server that squashes users: make its directories there.",
      },
    )
  }
}

function own(directory: Pinned, { uid, gid, mode: declared, acl = [] }: NewOwner): void {
  const before = directory.look()
  // Before anybody else can make something in it.
  if (acl.length > 0) letInherit(directory, declared, acl)
  // A daemon that already is that user needs no root.
  if (before.uid !== uid || before.gid !== gid) directory.chown(uid, gid)
  const mode = shownMode(declared, acl)
  // The list comes first: a mode without it would give the group what only those may who are named.
  if (acl.length > 0) letIn(directory, declared, acl)
  directory.chmod(mode)
  if (acl.length > 0) requireAcl(directory, declared, acl)
  const after = directory.look()
  if (after.uid === uid && after.gid === gid && after.mode === mode) return
  throw new StorageError(
    "unsupported",
    `the filesystem of ${directory.path} does not keep owner and mode: they are ${after.uid}:${after.gid} ${after.mode.toString(8)}`,
    { hint: "Use a filesystem with POSIX owners and modes, or run the daemon as root." },
  )
}

/** Only what is empty goes, whatever it is by now. */
function removeEmpty(above: Pinned, name: string): void {
  try {
    rmdirSync(above.under(name))
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
  }
}
