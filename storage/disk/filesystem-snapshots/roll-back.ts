import { lstatSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileError } from "../../blobs/index.js"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { btrfsDelete, btrfsSnapshot, copyTree, syncFilesystem } from "../../host/index.js"
import { isSubvolume } from "../btrfs-subvolume.js"
import { HeldDirectory } from "../open-directory.js"
import { quotaOf, setQuota } from "../quotas/index.js"
import { writeError } from "../store-file.js"
import { compareTrees, type TreeSize } from "./compare-trees.js"
import {
  asideOf,
  beginJournal,
  COPY,
  endJournal,
  newRollBackId,
  ROLL_BACKS,
  SET_ASIDE,
} from "./roll-back-journal.js"
import { move } from "./move.js"
import { makeStandIn, removeStandIn } from "./stand-in.js"
import { insideStore, type RollBackPlan, rollBackPlan } from "./roll-back-plan.js"
import type { FilesystemSnapshot, SnapshotPlace } from "./snapshot.js"

// An undo, and the only thing of Cistern's own that puts files into the place of a repository. It writes into no repository: it
// makes another directory beside, and then exchanges the two by their names.

/** What has been done, in this order. Until `set_aside` the directory is as it was. */
export type RollBackStep = "begun" | "copied" | "compared" | "set_aside" | "in_place" | "ended"

export interface RollBackOptions {
  readonly signal?: AbortSignal | undefined
  readonly onStep?: (step: RollBackStep) => void
  /** Waited for when all is ready, before the directory is touched: to keep clients out. What it throws ends the roll back. */
  readonly beforeExchange?: () => Promise<void>
  readonly now?: Date
}

export interface RolledBack {
  /** Where what was there before is kept. Nothing of Cistern's ever deletes it. */
  readonly aside: string
  readonly size: TreeSize
}

const MOST_REMOVALS = 20
const BETWEEN_REMOVALS_MS = 100

/** Every place that a roll back touches, held open, so that it is this one whatever becomes of its name. */
interface Places {
  readonly parent: HeldDirectory
  readonly name: string
  readonly home: HeldDirectory
  readonly setAside: HeldDirectory
  readonly asideName: string
  /** Which directory is rolled back. */
  readonly identity: HeldDirectory["identity"]
}

/**
 * Rolls one directory back to what it was in the filesystem snapshot, and keeps what it is now. Plans anew. Whatever fails, the
 * directory is as it was; when the process ends in between, `unfinishedRollBacks` finds what is where. The signal is heeded until
 * the exchange begins. Throws what `rollBackPlan` throws, `io` without room, and `unstable` where somebody exchanged
 * the directory meanwhile.
 */
export async function rollBack(
  place: SnapshotPlace,
  snapshot: FilesystemSnapshot,
  directory: string,
  { signal, onStep = () => undefined, beforeExchange, now = new Date() }: RollBackOptions = {},
): Promise<RolledBack> {
  const plan = await rollBackPlan(place, snapshot, directory, signal)
  const inside = insideStore(place, directory)
  const id = newRollBackId(now)
  const aside = asideOf(inside, id)
  const held: HeldDirectory[] = []
  let made: readonly string[] = []
  const hold = (one: HeldDirectory): HeldDirectory => {
    held.push(one)
    return one
  }
  try {
    const root = hold(HeldDirectory.at(place.store))
    made = makeStandIn(root, inside, plan.from)
    const parent = hold(root.open(dirname(inside)))
    const here = hold(parent.open(basename(inside)))
    const setAside = hold(root.make(SET_ASIDE))
    const folder = hold(root.make(ROLL_BACKS))
    const journal = { directory: inside, aside, snapshot: snapshot.name, startedAt: now.getTime() }
    const home = hold(beginJournal(folder, id, journal))
    const { identity } = here
    const places = { parent, name: basename(inside), home, setAside, asideName: basename(aside), identity }
    try {
      onStep("begun")
      const size = await make(plan, places, { signal, onStep })
      signal?.throwIfAborted()
      await beforeExchange?.()
      exchange(places, onStep)
      forget(() => {
        endJournal(folder, home, id)
      })
      onStep("ended")
      return { aside: join(place.store, aside), size }
    } catch (error) {
      await clearAway(places, () => {
        endJournal(folder, home, id)
      })
      throw error
    }
  } catch (error) {
    removeStandIn(place.store, made)
    throw error
  } finally {
    for (const one of held.reverse()) one.close()
  }
}

/** Makes what will take the directory's place, and makes sure of it. */
async function make(
  plan: RollBackPlan,
  { home }: Places,
  { signal, onStep = () => undefined }: RollBackOptions,
): Promise<TreeSize> {
  const from = HeldDirectory.at(plan.from)
  try {
    if (plan.method === "subvolume") await btrfsSnapshot(from, home, COPY, { writable: true })
    else await copyInto(from, home, signal)
    onStep("copied")
    const size = await compareTrees(plan.from, home.entry(COPY), signal)
    if (plan.method === "subvolume") await takeOverLimit(plan.directory, `${home.path}/${COPY}`)
    await syncFilesystem(home)
    onStep("compared")
    return size
  } finally {
    from.close()
  }
}

async function copyInto(from: HeldDirectory, home: HeldDirectory, signal?: AbortSignal): Promise<void> {
  try {
    mkdirSync(home.entry(COPY), { mode: 0o700 })
  } catch (cause) {
    throw writeError(cause, `${home.path}/${COPY}`)
  }
  const copy = home.open(COPY)
  try {
    await copyTree(from, copy, signal)
  } finally {
    copy.close()
  }
}

/** A snapshot has the limit that its source had when it was made; what is rolled back keeps the one of today. */
async function takeOverLimit(directory: string, copy: string): Promise<void> {
  const { kind, limitBytes } = await quotaOf(directory)
  if (kind !== "btrfs-qgroup" || typeof limitBytes === "object") return
  await setQuota(copy, { bytes: limitBytes, files: "none" }, { belowUse: true })
}

/** Two renames. A failure in between undoes the first. */
function exchange(places: Places, onStep: (step: RollBackStep) => void): void {
  const { parent, name, home, setAside, asideName, identity } = places
  requireSame(parent, name, identity)
  move(parent, name, setAside, asideName)
  try {
    // Whatever bears the name may have been exchanged up to the last moment; what was moved is what counts.
    requireSame(setAside, asideName, identity)
    onStep("set_aside")
    move(home, COPY, parent, name)
  } catch (error) {
    putBack(places, error)
    throw error
  }
  for (const changed of [parent, setAside, home]) changed.sync()
  onStep("in_place")
}

function requireSame(folder: HeldDirectory, name: string, identity: Places["identity"]): void {
  const stats = lstatSync(folder.entry(name), { bigint: true, throwIfNoEntry: false })
  if (stats?.ino === identity.inode && stats.dev === identity.device) return
  throw new StorageError("unstable", `${folder.path}/${name} was exchanged for something else meanwhile`, {
    facts: { directory: `${folder.path}/${name}` },
    hint: "Find out who else changes it; it is as it was found.",
  })
}

/** Undoes the first rename. Throws StorageError `io` that says what is where. */
function putBack({ parent, name, setAside, asideName }: Places, error: unknown): void {
  try {
    renameSync(setAside.entry(asideName), parent.entry(name))
  } catch (second) {
    const aside = `${setAside.path}/${asideName}`
    throw new StorageError(
      "io",
      `${parent.path}/${name} was moved to ${aside} and could not be moved back (${errnoOf(second) ?? "unknown"})`,
      {
        facts: { directory: `${parent.path}/${name}`, aside },
        hint: `Keep clients out, look what is at ${parent.path}/${name} now, and move ${aside} there.`,
        cause: error,
      },
    )
  }
  for (const changed of [parent, setAside]) changed.sync()
}

/** A journal that stays is found as that of a roll back that came to its end. */
function forget(end: () => void): void {
  try {
    end()
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
  }
}

/** After a failure: the copy goes, and the journal, unless the directory is still away. */
async function clearAway({ setAside, asideName, home }: Places, end: () => void): Promise<void> {
  if (lstatSync(setAside.entry(asideName), { throwIfNoEntry: false }) !== undefined) return
  try {
    await removeCopy(home)
    end()
  } catch {
    // It is found as an unfinished roll back. Why this one failed is what counts.
  }
}

/** Removes what was to take the directory's place. Throws StorageError `unstable` while something still writes into it. */
export async function removeCopy(home: HeldDirectory): Promise<void> {
  const stats = lstatSync(home.entry(COPY), { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return
  if (stats.dev !== home.identity.device && isSubvolume(stats.ino)) await btrfsDelete(home, COPY)
  else await removeTree(home.entry(COPY), `${home.path}/${COPY}`)
}

/** The program that copies outlives a daemon that was killed, and may still be at it. */
async function removeTree(path: string, shown: string): Promise<void> {
  for (let again = 0; again < MOST_REMOVALS; again++) {
    try {
      rmSync(path, { recursive: true, force: true })
      return
    } catch (cause) {
      if (errnoOf(cause) !== "ENOTEMPTY") throw fileError(cause, shown, shown)
    }
    await setTimeout(BETWEEN_REMOVALS_MS)
  }
  throw new StorageError("unstable", `${shown} is still being written`, {
    facts: { file: shown },
    hint: "A `cp` of the roll back that was interrupted still runs: try again when it has ended.",
  })
}
