import type { DirectoryOwner } from "./create.js"
import type { User } from "./permission.js"
import type { Entry } from "./pinned.js"

/** Whose everything in a directory is to be. Without a mode it is only seen to that its owner can work there. */
export interface WantedOwner extends User {
  readonly mode: number | undefined
}

/**
 * What becomes of one entry; undefined: it is right. The directory itself gets exactly the mode that is wanted. Below it modes are only
 * widened, by what its owner and the wanted mode need, except that no file changes hands with set-uid or set-gid.
 */
export function changeOf(entry: Entry, wanted: WantedOwner, isTop: boolean): DirectoryOwner | undefined {
  const mode = modeFor(entry, wanted.mode, isTop)
  const { uid, gid } = wanted
  return entry.uid === uid && entry.gid === gid && entry.mode === mode ? undefined : { uid, gid, mode }
}

function modeFor({ kind, mode }: Entry, wanted: number | undefined, isTop: boolean): number {
  switch (kind) {
    case "directory":
      return isTop && wanted !== undefined ? wanted : mode | 0o700 | (wanted ?? 0)
    case "file":
      return (mode & ~0o6000) | 0o400 | ((wanted ?? 0) & 0o444)
    // A link's mode means nothing, and others are not touched.
    case "link":
    case "other":
      return mode
  }
}
