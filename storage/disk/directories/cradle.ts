import { lstatSync, mkdirSync, renameSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { isForeignName } from "../emptiness.js"
import { STORE_FOLDER } from "../sentinel.js"
import { Deletion, removeName } from "./deletion.js"
import { changeError, swapped } from "./failures.js"
import { nameOfBytes, safeParts, shownName } from "./names.js"
import { openOwnFolder } from "./own-folder.js"
import { type Entry, isSame, type Pinned } from "./pinned.js"
import { closeWay, lastOf, openWay, type StoreRoot, type Way } from "./way.js"

/** In the store's own folder: what is in it was never anybody's repository. */
const CRADLES = "creating"
/** No engine takes that long for an empty repository; what is older was left behind by a daemon that was killed. */
const LEFT_BEHIND_MS = 3_600_000

/**
 * Where a new repository is made. `aside`: in the store's own folder, from where one rename puts it in its place, whole. `in_place`: where
 * it cannot be moved, because the place is a filesystem of its own or the root of one.
 */
export type CradleKind = "aside" | "in_place"

export interface CradlePlan {
  readonly kind: CradleKind
  /** Why it is made in its place; undefined for `aside`. */
  readonly why: string | undefined
  /** The directory, or the last one on the way to it, that is there. */
  readonly at: string
  /** The directory that is there; undefined: it is made with the repository. */
  readonly found: Pick<Entry, "uid" | "gid" | "mode"> | undefined
}

/** How a repository can be made at a path of a store, which is as it is after this. Throws StorageError as `openWay` does. */
export function planCradle(store: StoreRoot, path: string): CradlePlan {
  const parts = path === "" ? [] : safeParts(path)
  const way = openAsFarAsThere(store, parts)
  try {
    const isThere = way.length > parts.length
    const { uid, gid, mode } = lastOf(way).look()
    const why = whyInPlace(way, isThere, parts.length)
    return {
      kind: why === undefined ? "aside" : "in_place",
      why,
      at: lastOf(way).path,
      found: isThere ? { uid, gid, mode } : undefined,
    }
  } finally {
    closeWay(way)
  }
}

function openAsFarAsThere(store: StoreRoot, parts: readonly string[]): Way {
  for (let length = parts.length; ; length--) {
    try {
      return openWay(store, parts.slice(0, length))
    } catch (error) {
      if (length === 0 || !(error instanceof StorageError) || error.code !== "missing") throw error
    }
  }
}

function whyInPlace(way: Way, isThere: boolean, depth: number): string | undefined {
  const [root] = way
  if (depth === 0) return "it is the store itself"
  const last = lastOf(way)
  if (last.look().device !== root.look().device || last.mountId() !== root.mountId())
    return `${last.path} is another filesystem than the store's own folder`
  if (isThere && last.names().length > 0)
    return `${last.path} holds what a filesystem or a NAS system put there: ${last.names().slice(0, 3).map(shownName).join(", ")}`
  const own = root.child(STORE_FOLDER)
  if (own === undefined) return "the store has no folder of Cistern's own"
  const sameDevice = own.look().device === root.look().device
  own.close()
  return sameDevice ? undefined : `${own.path} is another filesystem`
}

/**
 * The directory in which an engine makes a repository, held open. The place must be there. Close it. Throws StorageError `unstable` where
 * the place is not empty, and what `openWay` does.
 */
export class Cradle {
  /** What the engine is to write in. */
  readonly directory: Pinned
  /** Where the repository belongs. */
  readonly place: Pinned
  readonly kind: CradleKind
  readonly #way: Way
  readonly #nursery: Pinned | undefined
  readonly #id: string
  readonly #name: string

  private constructor(way: Way, kind: CradleKind, id: string, name: string, now: number) {
    this.#way = way
    this.#id = id
    this.#name = name
    this.kind = kind
    this.place = lastOf(way)
    if (kind === "in_place") {
      this.directory = this.place
      return
    }
    this.#nursery = openOwnFolder(way[0], CRADLES, "make")
    try {
      sweep(this.#nursery, now)
      this.directory = newFolder(this.#nursery, id)
    } catch (error) {
      this.#nursery.close()
      throw error
    }
  }

  static open(
    { store, path, kind }: { readonly store: StoreRoot; readonly path: string; readonly kind: CradleKind },
    id: string,
    now = Date.now(),
  ): Cradle {
    const parts = path === "" ? [] : safeParts(path)
    const way = openWay(store, parts)
    try {
      const names = lastOf(way).names()
      const counted = kind === "aside" ? names : names.filter((name) => !isForeignName(name))
      if (counted.length > 0) throw taken(lastOf(way).path, counted)
      return new Cradle(way, kind, id, nameOfBytes(Buffer.from(parts.at(-1) ?? "")), now)
    } catch (error) {
      closeWay(way)
      throw error
    }
  }

  /** Owner and mode of both must be the same before anything is written: what is made aside takes the place of what is there. */
  refuseOther(): void {
    const [one, other] = [this.directory.look(), this.place.look()]
    if (one.uid === other.uid && one.gid === other.gid && one.mode === other.mode) return
    throw new StorageError("unsupported", `${this.directory.path} cannot be made as ${this.place.path} is`, {
      hint: "Use a filesystem with POSIX owners and modes, or run the daemon as root.",
    })
  }

  /** Puts the repository in its place, if that is empty still; what is there is never replaced. Throws StorageError `unstable`. */
  settle(): void {
    const nursery = this.#nursery
    const above = this.#way.at(-2)
    if (nursery === undefined || above === undefined) return
    const found = nursery.child(this.#id)
    const same = found !== undefined && isSame(found.look(), this.directory.look())
    found?.close()
    if (!same) throw swapped(this.directory.path)
    try {
      // The kernel takes a directory for another one's name only while that one is empty: nobody's repository is overwritten.
      renameSync(nursery.under(this.#id), above.under(this.#name))
    } catch (cause) {
      throw changeError(cause, this.place.path, "cannot be given the new repository")
    }
    above.sync()
    nursery.sync()
  }

  /** Deletes what was made aside and is in no place yet. What lies in its place stays: its names are returned, for people. */
  discard(): readonly string[] {
    if (this.#nursery === undefined) {
      return this.place
        .names()
        .filter((name) => !isForeignName(name))
        .map(shownName)
    }
    deleteIn(this.#nursery, this.#id)
    return []
  }

  close(): void {
    if (this.#nursery !== undefined) this.directory.close()
    this.#nursery?.close()
    closeWay(this.#way)
  }
}

function newFolder(nursery: Pinned, id: string): Pinned {
  try {
    mkdirSync(nursery.under(id), { mode: 0o700 })
  } catch (cause) {
    throw changeError(cause, `${nursery.path}/${id}`, "cannot be made")
  }
  const folder = nursery.child(id)
  if (folder === undefined) throw swapped(`${nursery.path}/${id}`)
  return folder
}

function sweep(nursery: Pinned, now: number): void {
  for (const name of nursery.names()) {
    const stats = lstatSync(nursery.under(name), { throwIfNoEntry: false })
    if (stats !== undefined && now - stats.ctimeMs > LEFT_BEHIND_MS) deleteIn(nursery, name)
  }
}

function deleteIn(nursery: Pinned, name: string): void {
  const entry = nursery.child(name)
  if (entry === undefined) return
  try {
    const { kind } = entry.look()
    if (kind === "directory") Array.from(new Deletion(entry).all())
    removeName(nursery, name, kind)
  } catch (error) {
    // It is in nobody's way, and is tried again with the next repository.
    if (!(error instanceof StorageError) && errnoOf(error) === undefined) throw error
  } finally {
    entry.close()
  }
}

function taken(path: string, names: readonly string[]): StorageError {
  return new StorageError(
    "unstable",
    `${path} is not empty any more: it holds ${names.slice(0, 5).map(shownName).join(", ")}`,
    {
      facts: { file: path },
      hint: "Somebody writes there. Look at what it is, and try again when the place is empty.",
    },
  )
}
