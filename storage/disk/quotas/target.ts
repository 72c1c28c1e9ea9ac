import type { Location } from "../filesystem.js"
import { locate } from "../filesystem.js"
import { hostFolders, type HostFolders } from "../filesystem-uuid.js"
import { type Mount, mountOf, readMounts } from "../mountinfo.js"
import { HeldDirectory } from "../open-directory.js"

/** A directory that is looked at or limited, held open. */
export interface Target {
  readonly directory: HeldDirectory
  readonly location: Location
  readonly mount: Mount
  readonly host: HostFolders
}

/**
 * Looks at `path`, holds it open as long as `work` takes, and gives what that gives. The directory is the one that the path
 * leads to now, links followed; afterwards nobody can exchange it. Throws StorageError `missing`, `unreadable`, `io`.
 */
export async function withTarget<T>(
  path: string,
  work: (target: Target) => Promise<T>,
  host: HostFolders = hostFolders,
): Promise<T> {
  const location = locate(path, host)
  const directory = HeldDirectory.at(location.realPath)
  try {
    return await work({ directory, location, mount: mountOf(location.realPath, readMounts()), host })
  } finally {
    directory.close()
  }
}

export function isXfs({ location }: Target): boolean {
  return location.filesystem.type === "xfs"
}
