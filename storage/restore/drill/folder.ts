import { randomBytes } from "node:crypto"
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { hostname } from "node:os"
import { Pinned } from "../../disk/directories/pinned.js"
import { StorageError } from "../../errors.js"
import { type FileCalls, fileCallsIfThere } from "../../host/index.js"
import { diskFailure } from "../outcome.js"
import { removeAllIn } from "../remove-tree.js"

const NAME = /^cistern-drill-[0-9a-f]{16}$/
const MARKER = "cistern-drill.json"
const FORMAT = "cistern drill 1"
const MARKER_FLAGS = constants.O_NOFOLLOW | constants.O_RDWR
const LONGEST_MARKER = 4096
const FORGOTTEN_MS = 3_600_000

/** A directory of one drill in the scratch space. While its marker is locked, somebody works in it. */
export interface DrillFolder {
  readonly path: string
  /** Removes it and all in it. */
  remove(): Promise<void>
}

/** Makes one. Throws StorageError `missing`, `unreadable`, `no_space`, `io`. */
export function makeDrillFolder(scratch: string): DrillFolder {
  try {
    const above = Pinned.directoryAt(realpathSync(scratch))
    const name = `cistern-drill-${randomBytes(8).toString("hex")}`
    mkdirSync(above.under(name), 0o700)
    const folder = above.child(name)
    if (folder === undefined) throw new StorageError("unstable", `${scratch}/${name} went away at once`)
    const flags = MARKER_FLAGS | constants.O_CREAT | constants.O_EXCL
    const marker = openSync(folder.under(MARKER), flags, 0o600)
    if (fileCallsIfThere()?.tryLock(marker) === false)
      throw new StorageError("unstable", `${folder.path} was taken for an old one at once; try again`)
    writeSync(marker, JSON.stringify({ format: FORMAT, name, host: hostname(), process: process.pid }) + "\n")
    return { path: folder.path, remove: () => remove(above, folder, name, marker) }
  } catch (cause) {
    throw diskFailure(cause, scratch)
  }
}

/** The marker goes last: whatever ends this process before, the next one knows the rest for what it is. */
async function remove(above: Pinned, folder: Pinned, name: string, marker: number): Promise<void> {
  try {
    for (const one of folder.names()) {
      if (one === MARKER) continue
      const child = folder.child(one)
      if (child === undefined) continue
      const { kind } = child.look()
      try {
        if (kind === "directory") await removeAllIn(child)
      } finally {
        child.close()
      }
      if (kind === "directory") rmdirSync(folder.under(one))
      else unlinkSync(folder.under(one))
    }
    unlinkSync(folder.under(MARKER))
    rmdirSync(above.under(name))
  } catch (cause) {
    throw diskFailure(cause, folder.path)
  } finally {
    closeSync(marker)
    folder.close()
    above.close()
  }
}

export interface SweptFolders {
  readonly removed: readonly string[]
  /** Of a drill that runs, or nobody can tell whether it does. */
  readonly kept: readonly string[]
}

/**
 * Removes what drills left in the scratch space whose process was killed: directories of their name that hold their marker, which nobody
 * has locked. Nothing else is touched. Throws as `makeDrillFolder`.
 */
export async function sweepDrills(scratch: string): Promise<SweptFolders> {
  const removed: string[] = []
  const kept: string[] = []
  const calls = fileCallsIfThere()
  const above = openScratch(scratch)
  try {
    for (const name of above.names().filter((one) => NAME.test(one))) {
      const swept = await sweep(above, name, calls)
      if (swept !== undefined) (swept ? removed : kept).push(`${above.path}/${name}`)
    }
  } finally {
    above.close()
  }
  return { removed, kept }
}

/** Undefined: it is none of ours. */
async function sweep(
  scratch: Pinned,
  name: string,
  calls: FileCalls | undefined,
): Promise<boolean | undefined> {
  const folder = scratch.child(name)
  if (folder === undefined) return undefined
  if (isForgotten(folder)) {
    folder.close()
    rmdirSync(scratch.under(name))
    return true
  }
  const marker = folder.look().kind === "directory" ? openMarker(folder, name) : undefined
  if (marker === undefined || calls?.tryLock(marker) !== true) {
    if (marker !== undefined) closeSync(marker)
    folder.close()
    return marker === undefined ? undefined : false
  }
  // Of its own, because removing closes what it is given.
  await remove(Pinned.directoryAt(scratch.path), folder, name, marker)
  return true
}

/** One whose process was killed right before its marker was made, or right after it was removed. */
function isForgotten(folder: Pinned): boolean {
  if (folder.look().kind !== "directory" || folder.someNames(1, () => true).length > 0) return false
  return Date.now() - lstatSync(`${folder.self}/.`).mtimeMs > FORGOTTEN_MS
}

function openMarker(folder: Pinned, name: string): number | undefined {
  let marker: number | undefined
  try {
    marker = openSync(folder.under(MARKER), MARKER_FLAGS | constants.O_NONBLOCK)
    const text = readFileSync(marker, "utf8").slice(0, LONGEST_MARKER)
    // Its process was killed before it could write.
    if (text === "") return marker
    const said = JSON.parse(text) as { format?: unknown; name?: unknown } | null
    if (said?.format === FORMAT && said.name === name) return marker
  } catch {
    // Not there, or not ours.
  }
  if (marker !== undefined) closeSync(marker)
  return undefined
}

function openScratch(scratch: string): Pinned {
  try {
    return Pinned.directoryAt(realpathSync(scratch))
  } catch (cause) {
    throw diskFailure(cause, scratch)
  }
}
