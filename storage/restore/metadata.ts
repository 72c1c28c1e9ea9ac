import { chmodSync, chownSync, lutimesSync, utimesSync } from "node:fs"
import type { SnapshotEntry } from "../contents.js"
import { errnoOf } from "../errno.js"
import type { FileCalls } from "../host/index.js"
import type { Outcome } from "./outcome.js"
import type { Spot } from "./spot.js"

export interface MetadataPlace {
  /** In /proc/self/fd: the very thing, a link itself among them. */
  readonly self: string
  /** Its name, for what follows no link in the last part. Only its directory's owner could replace it. */
  readonly name: Uint8Array | undefined
  readonly spot: Spot
}

const SPECIAL = 0o6000

/**
 * Gives a restored entry its owner, extended attributes, permissions and times, in an order in which none undoes another. What
 * cannot be set is told and never an error, unless the disk failed.
 */
export function applyMetadata(
  place: MetadataPlace,
  entry: SnapshotEntry,
  calls: FileCalls | undefined,
  outcome: Outcome,
): void {
  const isOwned = applyOwner(place, entry, outcome)
  applyAttributes(place, entry, calls, outcome)
  if (entry.mode !== undefined && entry.kind !== "symlink") {
    // A program that runs as its owner must not do so as another one's.
    const mode = isOwned ? entry.mode : entry.mode & ~SPECIAL
    if (mode !== entry.mode) outcome.lose(place.spot, "mode", "set-uid and set-gid without the owner")
    attempt(place, "mode", outcome, () => {
      chmodSync(place.self, mode)
    })
  }
  applyTimes(place, entry, calls, outcome)
}

function applyOwner({ self, spot }: MetadataPlace, { uid, gid }: SnapshotEntry, outcome: Outcome): boolean {
  if (uid === undefined || gid === undefined) return true
  try {
    chownSync(self, uid, gid)
    return true
  } catch (error) {
    const errno = refusal(error)
    outcome.lose(spot, "owner", `the system does not let us give files away (${errno})`)
  }
  try {
    chownSync(self, -1, gid)
  } catch (error) {
    refusal(error)
  }
  return false
}

function applyAttributes(
  place: MetadataPlace,
  { attributes }: SnapshotEntry,
  calls: FileCalls | undefined,
  outcome: Outcome,
): void {
  for (const attribute of attributes) {
    if (calls === undefined) {
      outcome.lose(place.spot, "attributes", "the C library cannot be called")
      return
    }
    attempt(
      place,
      "attributes",
      outcome,
      () => {
        calls.setAttribute(place.self, attribute)
      },
      // ext4 says so of one that does not fit into its block.
      ["ENOSPC", "EDQUOT"],
    )
  }
}

function applyTimes(
  place: MetadataPlace,
  { modified, kind }: SnapshotEntry,
  calls: FileCalls | undefined,
  outcome: Outcome,
): void {
  if (modified === undefined) return
  if (calls !== undefined) {
    attempt(place, "times", outcome, () => {
      calls.setTimes(place.self, modified)
    })
    return
  }
  const seconds = Number(modified) / 1e9
  attempt(place, "times", outcome, () => {
    if (kind !== "symlink") utimesSync(place.self, seconds, seconds)
    else if (place.name !== undefined) lutimesSync(Buffer.from(place.name), seconds, seconds)
  })
  if (modified % 1000n !== 0n) outcome.lose(place.spot, "times", "Node by itself sets microseconds only")
}

function attempt(
  { spot }: MetadataPlace,
  what: "mode" | "times" | "attributes",
  outcome: Outcome,
  act: () => void,
  further: readonly string[] = [],
): void {
  try {
    act()
  } catch (error) {
    const errno = errnoOf(error) ?? ""
    outcome.lose(spot, what, `the system refuses it (${further.includes(errno) ? errno : refusal(error)})`)
  }
}

const REFUSALS = new Set([
  "EPERM",
  "EACCES",
  "EINVAL",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "ERANGE",
  "E2BIG",
  "EOVERFLOW",
  "ENAMETOOLONG",
])

/** The error's name when the system does not want; what a disk cannot is thrown. */
function refusal(error: unknown): string {
  const errno = errnoOf(error) ?? ""
  if (REFUSALS.has(errno)) return errno
  throw error
}
