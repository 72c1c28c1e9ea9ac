import { lstatSync } from "node:fs"
import { relative } from "node:path"
import { StorageError } from "../../errors.js"
import { isSubvolume } from "../btrfs-subvolume.js"
import { HeldDirectory, isAbsent } from "../open-directory.js"
import { STORE_FOLDER } from "../sentinel.js"
import { spaceAt } from "../space.js"
import { type TreeSize, withEntry } from "./compare-trees.js"
import { pathIn } from "./path-in.js"
import { SET_ASIDE } from "./roll-back-journal.js"
import type { FilesystemSnapshot, SnapshotPlace } from "./snapshot.js"
import { walkTree } from "./tree-walk.js"

/** What rolling one directory back would do. */
export interface RollBackPlan {
  readonly directory: string
  readonly snapshot: string
  /** Where the directory lies in the filesystem snapshot. */
  readonly from: string
  /** `copy`: with shared blocks where the filesystem can. `subvolume`: a writable snapshot of the snapshot. */
  readonly method: "copy" | "subvolume"
  /** Nothing where the directory is not there any more. */
  readonly now: TreeSize
  readonly then: TreeSize
  /** What is done, in sentences. */
  readonly steps: readonly string[]
  readonly notices: readonly string[]
}

/**
 * What rolling `directory`, an absolute path in the place's store, back to what it was in the snapshot would do. Walks through both
 * of them. Changes nothing. Throws StorageError `unsupported`, `invalid`, `missing` and `io` where it cannot be done, with the next
 * step.
 */
export async function rollBackPlan(
  place: SnapshotPlace,
  snapshot: FilesystemSnapshot,
  directory: string,
  signal?: AbortSignal,
): Promise<RollBackPlan> {
  const inside = insideStore(place, directory)
  const from = pathIn(place, snapshot, directory)
  const method = methodOf(place, directory, inside)
  const isThere = lstatSync(directory, { throwIfNoEntry: false }) !== undefined
  const now = isThere ? await sizeOf(directory, signal, refuseMounts) : NOTHING
  const then = await sizeOf(from, signal, refuseAbsentSubvolumes)
  if (place.kind === "zfs") requireRoom(place, then)
  return {
    directory,
    snapshot: snapshot.name,
    from,
    method,
    now,
    then,
    steps: [
      method === "copy"
        ? `copy ${then.files} files from ${from} into the store's .cistern folder`
        : `make a writable snapshot of ${from} in the store's .cistern folder`,
      "compare every entry of the two",
      ...(isThere ? [] : [`make an empty directory at ${directory}, which is not there any more`]),
      `move ${directory} to ${SET_ASIDE}, where it is kept`,
      `move the copy to ${directory}`,
    ],
    notices: [
      "Nobody may write to the directory meanwhile: withdraw its export or stop the movers. A client that has it open goes on writing to what was set aside.",
      "What is set aside needs its space until somebody removes it.",
    ],
  }
}

const NOTHING: TreeSize = { files: 0, folders: 0, bytes: 0 }

/** The directory's path in the store. Throws StorageError `invalid` for what cannot be exchanged. */
export function insideStore({ store }: SnapshotPlace, directory: string): string {
  const inside = relative(store, directory)
  const [first] = inside.split("/")
  if (!directory.startsWith("/") || first === ".." || first === STORE_FOLDER) {
    throw new StorageError("invalid", `${directory} is no directory of the store ${store}`, {
      facts: { directory },
    })
  }
  if (first === "") {
    throw new StorageError(
      "unsupported",
      "a whole store cannot be rolled back: what is set aside is kept in it",
      {
        facts: { directory },
        hint: "Roll its repositories back one by one.",
      },
    )
  }
  return inside
}

function methodOf(place: SnapshotPlace, directory: string, inside: string): "copy" | "subvolume" {
  const root = HeldDirectory.at(place.store)
  try {
    const own = root.open(STORE_FOLDER)
    const { device: ownDevice } = own.identity
    own.close()
    const { device, inode } = deepest(root, inside)
    if (place.kind === "btrfs" && inode !== undefined && isSubvolume(inode)) return "subvolume"
    if (device === ownDevice) return "copy"
    const what = place.kind === "btrfs" ? "subvolume" : "dataset"
    throw new StorageError(
      "unsupported",
      `${directory} lies in another ${what} than the store's own folder, and nothing can be moved between them`,
      {
        facts: { directory },
        hint:
          place.kind === "btrfs"
            ? `Roll back the whole subvolume, ${place.tree}.`
            : "Clone the filesystem snapshot with `zfs clone`, and copy from it by hand.",
      },
    )
  } finally {
    root.close()
  }
}

/** The directory; where it is not there any more, what is left of its path, without an inode. */
function deepest(
  root: HeldDirectory,
  inside: string,
): { readonly device: bigint; readonly inode: bigint | undefined } {
  let here = root.open(".")
  try {
    for (const name of inside.split("/")) {
      let below: HeldDirectory
      try {
        below = here.open(name)
      } catch (error) {
        if (!isAbsent(error)) throw error
        return { ...here.identity, inode: undefined }
      }
      here.close()
      here = below
    }
    return here.identity
  } finally {
    here.close()
  }
}

type Look = (
  path: string,
  top: { readonly dev: bigint },
  stats: { readonly dev: bigint; readonly ino: bigint },
) => void

async function sizeOf(top: string, signal: AbortSignal | undefined, look: Look): Promise<TreeSize> {
  let size: TreeSize = { files: 0, folders: 0, bytes: 0 }
  let first: { readonly dev: bigint } | undefined
  for await (const entry of walkTree(top, signal)) {
    first ??= entry.stats
    look(`${top}/${entry.path}`, first, entry.stats)
    size = withEntry(size, entry)
  }
  return size
}

const refuseMounts: Look = (path, top, { dev }) => {
  if (dev === top.dev) return
  throw new StorageError("unsupported", `another subvolume or filesystem lies in it, at ${path}`, {
    facts: { file: path },
    hint: "Roll that back by itself, and move it away first.",
  })
}

/** What btrfs shows in a snapshot where a subvolume was. */
const refuseAbsentSubvolumes: Look = (path, top, { dev, ino }) => {
  if (ino !== 2n && dev === top.dev) return
  throw new StorageError(
    "unsupported",
    `${path} was a subvolume of its own then, which the filesystem snapshot does not hold`,
    {
      facts: { file: path },
      hint: "Copy what you need from the filesystem snapshots by hand.",
    },
  )
}

/** Not every ZFS can share blocks between a snapshot and a copy. */
function requireRoom({ store }: SnapshotPlace, { bytes }: TreeSize): void {
  const { availableBytes } = spaceAt(store)
  if (availableBytes > bytes) return
  throw new StorageError("io", `a copy needs up to ${bytes} bytes, and ${availableBytes} are there`, {
    facts: { bytes, availableBytes },
    hint: "Make room on the dataset, or raise its quota.",
  })
}
