import { lstatSync, mkdirSync, readdirSync, rmdirSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { isSubvolume } from "../btrfs-subvolume.js"
import { createFile, removeFile, sweepTemporaries } from "../durable.js"
import { HeldDirectory } from "../open-directory.js"
import { STORE_FOLDER } from "../sentinel.js"
import { writeError } from "../store-file.js"
import { type About, readAbout, removeAbout } from "./about.js"
import { SNAPSHOT_FOLDER } from "./can-snapshot.js"
import type { FilesystemSnapshot, SnapshotPlace } from "./snapshot.js"
import { snapshotName } from "./snapshot-name.js"

// Each lies in a folder of its own, made before it and removed after it:
//
//   <store>/.cistern/filesystem-snapshots/cistern-20261121T204500Z-before-prune/
//     tree          the read-only snapshot
//     about.json    why it was made, when it expires, of which subvolume it is
//     hold-<who>    one for each that holds it
//
// The folders are the owner's alone: in an old state of a repository a file may have another mode than today.

/** The snapshot itself, in its folder. */
export const TREE = "tree"
const HOLD = "hold-"
/** A name is taken for a second; more than so many are not made in a row. */
const MOST_TRIES = 60

/** How far one came, and what is known of it. */
export function stateOf(home: HeldDirectory): {
  readonly state: FilesystemSnapshot["state"]
  readonly about: About | undefined
} {
  const tree = lstatSync(home.entry(TREE), { bigint: true, throwIfNoEntry: false })
  try {
    const about = readAbout(home)
    if (tree === undefined) return { state: "unfinished", about }
    const isWhole = about !== undefined && tree.isDirectory() && isSubvolume(tree.ino)
    return { state: isWhole ? "whole" : "unclear", about }
  } catch (error) {
    if (error instanceof StorageError && error.code === "corrupt")
      return { state: "unclear", about: undefined }
    throw error
  }
}

/** Who holds it. */
export function holdsOf(home: HeldDirectory): string[] {
  return readdirSync(home.entry("."))
    .filter((name) => name.startsWith(HOLD))
    .map((name) => name.slice(HOLD.length))
    .sort()
}

/** After a snapshot that could not be made. What cannot be removed is shown as unfinished. */
export function removeRemains(folder: HeldDirectory, name: string): void {
  try {
    const home = folder.open(name)
    try {
      for (const holder of holdsOf(home)) unmark(home, holder)
      removeHome(home, folder, name)
    } finally {
      home.close()
    }
  } catch {
    // The reason why it could not be made is what counts.
  }
}

/** Fails where anything else is in it. */
export function removeHome(home: HeldDirectory, folder: HeldDirectory, name: string): void {
  removeAbout(home)
  sweepTemporaries(home.entry("."))
  rmdirSync(folder.entry(name))
  folder.sync()
}

/** Makes the folder of the first name from now on that none has. */
export function claimName(folder: HeldDirectory, reason: string, now: number): string {
  for (let seconds = 0; seconds < MOST_TRIES; seconds++) {
    const name = snapshotName(now + seconds * 1000, reason)
    try {
      mkdirSync(folder.entry(name), { mode: 0o700 })
      return name
    } catch (cause) {
      if (errnoOf(cause) !== "EEXIST") throw writeError(cause, `${folder.path}/${name}`)
    }
  }
  throw new StorageError(
    "unstable",
    `${MOST_TRIES} filesystem snapshots "${reason}" were made within a minute`,
    {
      hint: "Find out what makes them.",
    },
  )
}

/** Marks one as held. That it is already is success. */
export function mark(home: HeldDirectory, holder: string): void {
  try {
    createFile(home.entry(`${HOLD}${holder}`), "")
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw writeError(cause, `${home.path}/${HOLD}${holder}`)
  }
}

/** Takes a holder's mark away. */
export function unmark(home: HeldDirectory, holder: string): void {
  removeFile(home.entry(`${HOLD}${holder}`))
}

/** Opens the folder of one for as long as `work` takes. */
export async function inHome<T>(
  folder: HeldDirectory,
  name: string,
  work: (home: HeldDirectory) => Promise<T>,
): Promise<T> {
  const home = folder.open(name)
  try {
    return await work(home)
  } finally {
    home.close()
  }
}

/** Undefined where none was ever made. */
export function openFolder({ store }: SnapshotPlace): HeldDirectory | undefined {
  const root = HeldDirectory.at(store)
  try {
    return root.open(SNAPSHOT_FOLDER)
  } catch (error) {
    if (error instanceof StorageError && error.code === "missing" && error.facts["errno"] === "ENOENT")
      return undefined
    throw error
  } finally {
    root.close()
  }
}

/** The store's own folder is not made here: where it is missing, the store is not ours. */
export function makeFolder({ store }: SnapshotPlace): HeldDirectory {
  const root = HeldDirectory.at(store)
  try {
    root.open(STORE_FOLDER).close()
    return root.make(SNAPSHOT_FOLDER)
  } finally {
    root.close()
  }
}
