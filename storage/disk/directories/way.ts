import { StorageError } from "../../errors.js"
import { readMounts } from "../mountinfo.js"
import { wrongKind } from "./failures.js"
import { nameOfBytes } from "./names.js"
import { Pinned } from "./pinned.js"

/** A store, as its fence knows it. */
export interface StoreRoot {
  readonly realPath: string
  readonly mountPoint: string
  /**
   * Mount points below it: those that a fence knows, and the one that a person named. They must be mounted, and no other may be crossed.
   * Undefined: any may, for looks that change nothing.
   */
  readonly mounts: readonly string[] | undefined
}

/** Opens the store. Throws StorageError `unstable` where it is not on the filesystem that its fence was checked on. */
export function openStore({ realPath, mountPoint }: StoreRoot): Pinned {
  const root = Pinned.directoryAt(realPath)
  try {
    const at = mountPointOf(root)
    if (at !== undefined && at !== mountPoint) {
      throw new StorageError("unstable", `${realPath} is on the filesystem at ${at}, not at ${mountPoint}`, {
        facts: { file: realPath },
        hint: "Look at `cistern stores`, and try again.",
      })
    }
    return root
  } catch (error) {
    root.close()
    throw error
  }
}

/** A store and the directories that lead from it to another one, which is the last. All are open. */
export type Way = readonly [Pinned, ...Pinned[]]

/**
 * Opens directory after directory from a store down, none of them by a link. `missing` decides what a name becomes that is not there.
 * Close the way. Throws StorageError `missing`, `corrupt` for what is no directory, `invalid` for a mount that nobody expected, with
 * `facts.mountPoint`.
 */
export function openWay(
  store: StoreRoot,
  parts: readonly string[],
  missing: (above: Pinned, name: string) => Pinned = refuseMissing,
): Way {
  const way: [Pinned, ...Pinned[]] = [openStore(store)]
  try {
    for (const part of parts) {
      const above = lastOf(way)
      const name = nameOfBytes(Buffer.from(part))
      const next = above.child(name) ?? missing(above, name)
      way.push(next)
      const { kind } = next.look()
      if (kind !== "directory") throw wrongKind(next.path, kind === "link" ? "a link" : "a file")
      refuseMount(above, next, store.mounts)
    }
    return way
  } catch (error) {
    closeWay(way)
    throw error
  }
}

export function closeWay(way: Way): void {
  for (const directory of way) directory.close()
}

/** Where a way leads. */
export function lastOf(way: Way): Pinned {
  return way.at(-1) ?? way[0]
}

/** Opens a way, gives it to `use`, and closes it. */
export function alongTheWay<T>(
  store: StoreRoot,
  parts: readonly string[],
  use: (way: Way) => T,
  missing?: (above: Pinned, name: string) => Pinned,
): T {
  const way = openWay(store, parts, missing)
  try {
    return use(way)
  } finally {
    closeWay(way)
  }
}

function refuseMissing(above: Pinned, name: string): never {
  throw notThere(above, name)
}

export function notThere(above: Pinned, name: string): StorageError {
  const path = `${above.path}/${Buffer.from(name, "latin1").toString("utf8")}`
  return new StorageError("missing", `${path} is not there`, {
    facts: { file: path },
    hint: "Check the path; `cistern directories create` makes it.",
  })
}

function refuseMount(above: Pinned, next: Pinned, mounts: readonly string[] | undefined): void {
  if (mounts === undefined) return
  const isMount = next.mountId() !== above.mountId()
  if (!isMount && mounts.includes(next.path)) {
    throw new StorageError("unstable", `nothing is mounted at ${next.path}, where a filesystem was`, {
      facts: { mountPoint: next.path },
      hint: "Mount it again; what is put there now would be hidden by it.",
    })
  }
  const mountPoint = isMount ? (mountPointOf(next) ?? next.path) : undefined
  if (mountPoint === undefined || mounts.includes(mountPoint)) return
  throw new StorageError("invalid", `another filesystem is mounted at ${mountPoint}`, {
    facts: { mountPoint },
    hint: `If it belongs there, such as a dataset of its own, say so with --accept-mount ${mountPoint}.`,
  })
}

/** Undefined where the table of mounts does not name it. */
export function mountPointOf(directory: Pinned): string | undefined {
  const id = directory.mountId()
  return readMounts().find((mount) => mount.id === id)?.mountPoint
}
