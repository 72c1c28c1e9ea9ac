import { realpathSync } from "node:fs"
import { join, relative } from "node:path"
import { type Mount, mountOf } from "../mountinfo.js"

/**
 * The exported directory through which NFS clients reach `folder`; undefined: none. Subvolumes in an export are reached even
 * without `crossmnt` (reference nas-platforms.md §5.4), and one filesystem may be mounted in several places, so what counts is
 * where in its filesystem each directory lies.
 */
export function exposes(
  folder: string,
  exported: readonly string[],
  mounts: readonly Mount[],
): string | undefined {
  const place = placeIn(folder, mounts)
  return exported.find((path) => {
    const real = realPath(path)
    if (isWithin(folder, real)) return true
    const other = placeIn(real, mounts)
    return other.source === place.source && isWithin(place.path, other.path)
  })
}

/** Where in its filesystem a directory lies, whichever part of that is mounted. */
function placeIn(path: string, mounts: readonly Mount[]): { readonly source: string; readonly path: string } {
  const mount = mountOf(path, mounts)
  return { source: mount.source, path: join(mount.root, relative(mount.mountPoint, path)) }
}

function isWithin(path: string, around: string): boolean {
  return path === around || path.startsWith(around === "/" ? "/" : `${around}/`)
}

/** What is not there is not a link either. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
