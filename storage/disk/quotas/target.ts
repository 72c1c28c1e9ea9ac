import type { FileCall } from "../../blobs/index.js"
import { StorageError } from "../../errors.js"
import { safeParts } from "../directories/names.js"
import { alongTheWay, lastOf, type StoreRoot } from "../directories/way.js"
import { locate, type Location } from "../filesystem.js"
import { hostFolders, type HostFolders } from "../filesystem-uuid.js"
import { type Mount, mountOf, readMounts } from "../mountinfo.js"
import { HeldDirectory } from "../open-directory.js"

/** A directory by its path, links followed; or one in a store, to which no link and no mount leads that nobody expected. */
export type QuotaPlace = string | PlaceInStore

export interface PlaceInStore {
  readonly store: StoreRoot
  /** Relative to the store; "" is the store itself. */
  readonly path: string
}

/** How a limit is looked at. */
export interface LookOptions {
  readonly host?: HostFolders | undefined
  /** Around calls into the filesystem, so that somebody notices when one does not come back. */
  readonly during?: FileCall | undefined
}

/** A directory that is looked at or limited, held open. */
export interface Target {
  readonly directory: HeldDirectory
  readonly location: Location
  readonly mount: Mount
  readonly host: HostFolders
  readonly during: FileCall
}

const undisturbed: FileCall = (call) => call()

/**
 * Looks at a directory, holds it open as long as `work` takes, and gives what that gives. It is the one that the path leads to
 * now; afterwards nobody can exchange it. Throws StorageError `missing`, `unreadable`, `io`, and as openWay does for one in a store.
 */
export async function withTarget<T>(
  place: QuotaPlace,
  work: (target: Target) => Promise<T>,
  { host = hostFolders, during = undisturbed }: LookOptions = {},
): Promise<T> {
  const { directory, location, mount } = during(() => held(place, host))
  try {
    return await during(() => work({ directory, location, mount, host, during }))
  } finally {
    directory.close()
  }
}

function held(place: QuotaPlace, host: HostFolders): Pick<Target, "directory" | "location" | "mount"> {
  const directory = typeof place === "string" ? byPath(place, host) : inStore(place)
  try {
    const location = locate(directory.entry("."), host)
    if (location.device !== directory.identity.device.toString())
      throw new StorageError("unstable", `what is mounted at ${directory.path} changed meanwhile`, {
        facts: { directory: directory.path },
        hint: "Try again.",
      })
    return { directory, location, mount: mountOf(location.realPath, readMounts()) }
  } catch (error) {
    directory.close()
    throw error
  }
}

function byPath(path: string, host: HostFolders): HeldDirectory {
  return HeldDirectory.at(locate(path, host).realPath)
}

function inStore({ store, path }: PlaceInStore): HeldDirectory {
  return alongTheWay(store, path === "" ? [] : safeParts(path), (way) => {
    const last = lastOf(way)
    return HeldDirectory.at(`${last.self}/.`, last.path)
  })
}

export function isXfs({ location }: Target): boolean {
  return location.filesystem.type === "xfs"
}
