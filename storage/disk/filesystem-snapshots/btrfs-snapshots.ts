import { lstatSync, readdirSync } from "node:fs"
import { relative } from "node:path"
import { StorageError } from "../../errors.js"
import { btrfsDelete, btrfsIsReadOnly, btrfsSnapshot } from "../../host/index.js"
import { HeldDirectory } from "../open-directory.js"
import { ownBytesOf } from "../quotas/index.js"
import { type About, writeAbout } from "./about.js"
import type { FilesystemSnapshot, FilesystemSnapshots, NewSnapshot, SnapshotPlace } from "./snapshot.js"
import {
  claimName,
  holdsOf,
  inHome,
  makeFolder,
  mark,
  openFolder,
  removeHome,
  removeRemains,
  stateOf,
  TREE,
  unmark,
} from "./snapshot-folder.js"
import { parseSnapshotName, requireOurs, requireWords } from "./snapshot-name.js"

/** Filesystem snapshots of one subvolume of a btrfs, in the store's own folder. */
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

async function hold(place: SnapshotPlace, name: string, holder: string): Promise<void> {
  requireWords(holder, "holder")
  await withSnapshot(place, name, async (home) => {
    if (stateOf(home).state !== "whole") throw notWhole(name)
    mark(home, holder)
  })
}

async function release(place: SnapshotPlace, name: string, holder: string): Promise<void> {
  requireWords(holder, "holder")
  await withSnapshot(place, name, async (home) => {
    unmark(home, holder)
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
