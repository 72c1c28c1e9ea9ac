import { lstatSync } from "node:fs"
import { StorageError } from "../../errors.js"
import { errnoOf } from "../../errno.js"
import { bytesOfName, safeParts } from "../directories/names.js"
import type { Pinned } from "../directories/pinned.js"
import { type Counted, NONE, oneMore, STEP, type Steps } from "../directories/steps.js"
import { closeWay, lastOf, openWay } from "../directories/way.js"
import type { PlaceInStore } from "./target.js"

/** What a tree takes up, as a walk through it found. */
export interface TreeUse {
  /** Allocated on the disk, as quotas count it; a file of several names counts once. */
  readonly bytes: number
  /** Files and folders, the tree's own among them. */
  readonly files: number
  /** Folders that could not be read: what is in them is in none of the figures. */
  readonly unreadable: Counted
  /** Subvolumes and mounts in it, which are counted by themselves or not at all. */
  readonly elsewhere: Counted
}

/** Every level takes a descriptor; no engine goes deeper than four. */
const DEEPEST = 200
/** st_blocks are of this size, whatever the filesystem's own are. */
const BLOCK = 512n

interface Level {
  readonly folder: Pinned
  readonly names: Iterator<string>
}

/**
 * Walks through a directory of a store and adds up what is in it. Follows no link, leaves its filesystem nowhere, and opens no file.
 * Throws StorageError as openWay does, `io`, and `unsupported` for a tree that is nested endlessly.
 */
export function* measureTree({ store, path }: PlaceInStore): Steps<TreeUse> {
  const way = openWay(store, path === "" ? [] : safeParts(path))
  const levels: Level[] = []
  try {
    const walk = new Walk(lastOf(way))
    levels.push(walk.enter(lastOf(way)))
    let since = 0
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const next = level.names.next()
      if (next.done === true) {
        levels.pop()
        if (levels.length > 0) level.folder.close()
        continue
      }
      const folder = walk.count(level.folder, next.value)
      if (folder !== undefined) {
        if (levels.length >= DEEPEST) throw tooDeep(folder)
        levels.push(walk.enter(folder))
      }
      if (++since >= STEP) {
        since = 0
        yield walk.files
      }
    }
    return walk.use
  } finally {
    for (const { folder } of levels.slice(1)) folder.close()
    closeWay(way)
  }
}

/** What is counted so far. */
class Walk {
  files = 0
  #bytes = 0n
  #unreadable = NONE
  #elsewhere = NONE
  readonly #device: bigint
  readonly #several = new Set<bigint>()

  constructor(top: Pinned) {
    const stats = lstatSync(`${top.self}/.`, { bigint: true })
    this.#device = stats.dev
    this.#bytes += stats.blocks * BLOCK
    this.files++
  }

  get use(): TreeUse {
    return {
      bytes: Number(this.#bytes),
      files: this.files,
      unreadable: this.#unreadable,
      elsewhere: this.#elsewhere,
    }
  }

  enter(folder: Pinned): Level {
    try {
      return { folder, names: folder.names().values() }
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "unreadable") throw error
      this.#unreadable = oneMore(this.#unreadable, folder.path)
      return { folder, names: [].values() }
    }
  }

  /** Counts what has a name in a folder, and opens it where it is a folder that has to be walked through. */
  count(folder: Pinned, name: string): Pinned | undefined {
    const stats = statsOf(folder, name)
    // It is gone since the folder was read: pruning, or a temporary file.
    if (stats === undefined) return undefined
    if (stats === "unreadable") {
      this.#unreadable = oneMore(this.#unreadable, folder.path)
      return undefined
    }
    if (stats.dev !== this.#device) {
      this.#elsewhere = oneMore(this.#elsewhere, `${folder.path}/${bytesOfName(name).toString("utf8")}`)
      return undefined
    }
    const isFolder = stats.isDirectory()
    if (!isFolder && stats.nlink > 1n) {
      if (this.#several.has(stats.ino)) return undefined
      this.#several.add(stats.ino)
    }
    this.#bytes += stats.blocks * BLOCK
    this.files++
    return isFolder ? this.#folder(folder, name) : undefined
  }

  /** Undefined where something else has the name by now. */
  #folder(folder: Pinned, name: string): Pinned | undefined {
    const child = folder.child(name)
    if (child === undefined) return undefined
    const { kind, device } = child.look()
    if (kind === "directory" && device === this.#device.toString()) return child
    child.close()
    return undefined
  }
}

function statsOf(folder: Pinned, name: string) {
  try {
    return lstatSync(folder.under(name), { bigint: true })
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === "ENOENT") return undefined
    if (errno === "EACCES" || errno === "EPERM") return "unreadable" as const
    throw new StorageError("io", `${folder.path} cannot be walked through: ${errno ?? "unknown"}`, {
      facts: { directory: folder.path, errno: errno ?? "" },
      hint: "Look at the kernel log and at the health of the disk.",
      cause: error,
    })
  }
}

function tooDeep(folder: Pinned): StorageError {
  const { path } = folder
  folder.close()
  return new StorageError("unsupported", `folders are nested more than ${DEEPEST} deep`, {
    facts: { directory: path },
    hint: "No engine does that: look at what is there.",
  })
}
