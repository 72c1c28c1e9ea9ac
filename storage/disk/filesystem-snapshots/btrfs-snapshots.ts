import { lstatSync, mkdirSync, readdirSync, rmdirSync } from "node:fs"
import { relative } from "node:path"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { btrfsDelete, btrfsIsReadOnly, btrfsSnapshot } from "../../host/index.js"
import { isSubvolume } from "../btrfs-subvolume.js"
import { createFile, removeFile } from "../durable.js"
import { HeldDirectory } from "../open-directory.js"
import { ownBytesOf } from "../quotas/index.js"
import { STORE_FOLDER } from "../sentinel.js"
import { writeError } from "../store-file.js"
import { type About, readAbout, removeAbout, writeAbout } from "./about.js"
import { SNAPSHOT_FOLDER } from "./can-snapshot.js"
import type { FilesystemSnapshot, FilesystemSnapshots, NewSnapshot, SnapshotPlace } from "./snapshot.js"
import { parseSnapshotName, requireOurs, requireWords, snapshotName } from "./snapshot-name.js"

// Each lies in a folder of its own, made before it and removed after it:
//
//   <store>/.cistern/filesystem-snapshots/cistern-20261121T204500Z-before-prune/
//     tree          the read-only snapshot
//     about.json    why it was made, when it expires, of which subvolume it is
//     hold-<who>    one for each that holds it
//
// The folders are the owner's alone: in an old state of a repository a file may have another mode than today.

const TREE = "tree"
const HOLD = "hold-"
/** A name is taken for a second; more than so many are not made in a row. */
const MOST_TRIES = 60

export function btrfsSnapshots(place: SnapshotPlace): FilesystemSnapshots {
  return {
    place,
    list: () => list(place),
    create: (wanted) => create(place, wanted),
    hold: (name, holder) => hold(place, name, holder),
    release: (name, holder) => release(place, name, holder),
    remove: (name) => remove(place, name),
  }
}

async function list(place: SnapshotPlace): Promise<readonly FilesystemSnapshot[]> {
  const folder = openFolder(place)
  if (folder === undefined) return []
  try {
    const found: FilesystemSnapshot[] = []
    for (const name of readdirSync(folder.entry("."))) {
      const snapshot = await describe(place, folder, name)
      if (snapshot !== undefined) found.push(snapshot)
    }
    return found.sort((one, other) => other.createdAt - one.createdAt)
  } finally {
    folder.close()
  }
}

/** Undefined: it is of another subvolume of the store, or gone. */
async function describe(
  place: SnapshotPlace,
  folder: HeldDirectory,
  name: string,
): Promise<FilesystemSnapshot | undefined> {
  const ours = parseSnapshotName(name)
  const stats = lstatSync(folder.entry(name), { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return undefined
  const path = `${folder.path}/${name}`
  const nothing = { name, reason: undefined, expiresAt: undefined, holds: [] } as const
  if (ours === undefined) {
    const unknown = { unknown: "it is not one of Cistern's" }
    const createdAt = Number(stats.birthtimeMs)
    return { ...nothing, ours: false, createdAt, path, state: "whole", ownBytes: unknown }
  }
  if (!stats.isDirectory()) {
    const unknown = { unknown: "it is no directory" }
    return { ...nothing, ours: true, ...ours, path: undefined, state: "unclear", ownBytes: unknown }
  }
  return inHome(folder, name, async (home) => {
    const { state, about } = stateOf(home)
    if (about !== undefined && about.of !== subvolumeIn(place)) return undefined
    return {
      name,
      ours: true,
      createdAt: about?.createdAt ?? ours.createdAt,
      reason: about?.reason ?? ours.reason,
      expiresAt: about?.expiresAt,
      holds: holdsOf(home),
      path: state === "whole" ? `${path}/${TREE}` : undefined,
      state,
      ownBytes: state === "whole" ? await ownBytesOf(`${path}/${TREE}`) : { unknown: "it is not whole" },
    }
  })
}

function stateOf(home: HeldDirectory): {
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

function holdsOf(home: HeldDirectory): string[] {
  return readdirSync(home.entry("."))
    .filter((name) => name.startsWith(HOLD))
    .map((name) => name.slice(HOLD.length))
    .sort()
}

async function create(
  place: SnapshotPlace,
  { reason, expiresAt, hold: holder, now = new Date() }: NewSnapshot,
): Promise<FilesystemSnapshot> {
  if (holder !== undefined) requireWords(holder, "holder")
  const folder = makeFolder(place)
  try {
    const name = claimName(folder, reason, now.getTime())
    const createdAt = now.getTime()
    const of = subvolumeIn(place)
    try {
      await inHome(folder, name, (home) => fill(place, home, { createdAt, reason, expiresAt, of }, holder))
    } catch (error) {
      removeRemains(folder, name)
      throw error
    }
    folder.sync()
    const made = await describe(place, folder, name)
    if (made?.state === "whole") return made
    throw new StorageError("io", `the filesystem snapshot ${name} was made and is not there`, {
      facts: { name },
      hint: "Look at the kernel log.",
    })
  } finally {
    folder.close()
  }
}

async function fill(
  place: SnapshotPlace,
  home: HeldDirectory,
  about: About,
  holder: string | undefined,
): Promise<void> {
  writeAbout(home, about)
  if (holder !== undefined) mark(home, holder)
  const subvolume = HeldDirectory.at(place.tree)
  try {
    await btrfsSnapshot(subvolume, home, TREE, { writable: false })
  } finally {
    subvolume.close()
  }
}

/** After a snapshot that could not be made. What cannot be removed is shown as unfinished. */
function removeRemains(folder: HeldDirectory, name: string): void {
  try {
    const home = folder.open(name)
    try {
      for (const holder of holdsOf(home)) removeFile(home.entry(`${HOLD}${holder}`))
      removeHome(home, folder, name)
    } finally {
      home.close()
    }
  } catch {
    // The reason why it could not be made is what counts.
  }
}

/** Fails where anything else is in it. */
function removeHome(home: HeldDirectory, folder: HeldDirectory, name: string): void {
  removeAbout(home)
  rmdirSync(folder.entry(name))
  folder.sync()
}

/** Makes the folder of the first name from now on that none has. */
function claimName(folder: HeldDirectory, reason: string, now: number): string {
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

async function hold(place: SnapshotPlace, name: string, holder: string): Promise<void> {
  requireWords(holder, "holder")
  await withSnapshot(place, name, async (home) => {
    if (stateOf(home).state !== "whole") throw notWhole(name)
    mark(home, holder)
  })
}

function mark(home: HeldDirectory, holder: string): void {
  try {
    createFile(home.entry(`${HOLD}${holder}`), "")
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw writeError(cause, `${home.path}/${HOLD}${holder}`)
  }
}

async function release(place: SnapshotPlace, name: string, holder: string): Promise<void> {
  requireWords(holder, "holder")
  await withSnapshot(place, name, async (home) => {
    removeFile(home.entry(`${HOLD}${holder}`))
  })
}

async function remove(place: SnapshotPlace, name: string): Promise<void> {
  await withSnapshot(place, name, async (home, folder) => {
    const { state, about } = stateOf(home)
    const holds = holdsOf(home)
    if (state === "unclear") throw notWhole(name)
    if (about !== undefined && about.of !== subvolumeIn(place)) throw notHere(place, name, about.of)
    if (holds.length > 0) throw isHeld(name, holds)
    if (state === "whole") {
      if (!(await isReadOnly(home))) throw wasChanged(name)
      await btrfsDelete(home, TREE)
    }
    removeHome(home, folder, name)
  })
}

async function isReadOnly(home: HeldDirectory): Promise<boolean> {
  const tree = home.open(TREE)
  try {
    return await btrfsIsReadOnly(tree)
  } finally {
    tree.close()
  }
}

async function withSnapshot(
  place: SnapshotPlace,
  name: string,
  work: (home: HeldDirectory, folder: HeldDirectory) => Promise<void>,
): Promise<void> {
  requireOurs(name)
  const folder = openFolder(place)
  if (folder === undefined) throw notFound(name)
  try {
    await inHome(folder, name, (home) => work(home, folder))
  } finally {
    folder.close()
  }
}

async function inHome<T>(
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
function openFolder({ store }: SnapshotPlace): HeldDirectory | undefined {
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
function makeFolder({ store }: SnapshotPlace): HeldDirectory {
  const root = HeldDirectory.at(store)
  try {
    root.open(STORE_FOLDER).close()
    return root.make(SNAPSHOT_FOLDER)
  } finally {
    root.close()
  }
}

function subvolumeIn({ store, tree }: SnapshotPlace): string {
  return relative(store, tree) || "."
}

function notFound(name: string): StorageError {
  return new StorageError("missing", `there is no filesystem snapshot ${name}`, { facts: { name } })
}

function notWhole(name: string): StorageError {
  return new StorageError("corrupt", `the filesystem snapshot ${name} is not as Cistern left it`, {
    facts: { name },
    hint: "Look at it in the store's .cistern/filesystem-snapshots folder, and remove it by hand if nobody needs it.",
  })
}

function isHeld(name: string, holds: readonly string[]): StorageError {
  return new StorageError("invalid", `the filesystem snapshot ${name} is held by ${holds.join(", ")}`, {
    facts: { name },
    hint: "Release it first, when what holds it has ended.",
  })
}

function wasChanged(name: string): StorageError {
  return new StorageError("invalid", `the filesystem snapshot ${name} is not read-only any more`, {
    facts: { name },
    hint: "Somebody made it writable and may have written to it; remove it by hand if nobody needs it.",
  })
}

function notHere(place: SnapshotPlace, name: string, of: string): StorageError {
  return new StorageError("invalid", `the filesystem snapshot ${name} is of ${of}, not of ${place.tree}`, {
    facts: { name, of },
  })
}
