import { lstatSync } from "node:fs"
import { join, relative } from "node:path"
import { StorageError } from "../../errors.js"
import { HeldDirectory } from "../open-directory.js"
import type { FilesystemSnapshot, SnapshotPlace } from "./snapshot.js"

/** What btrfs shows where a subvolume was, in a snapshot of the one around it. */
const ABSENT_SUBVOLUME = 2n

/**
 * Where `directory`, an absolute path in the place's tree, can be read as it was. Throws StorageError: `missing` where it was not
 * there then, or was a link, `unsupported` where it was a subvolume of its own, which the snapshot does not hold, `invalid`
 * for a directory that is not in the tree or a snapshot that is not whole.
 */
export function pathIn(place: SnapshotPlace, snapshot: FilesystemSnapshot, directory: string): string {
  const { path, name } = snapshot
  if (path === undefined)
    throw new StorageError("invalid", `the filesystem snapshot ${name} is not whole`, { facts: { name } })
  const inside = relative(place.tree, directory)
  if (inside.split("/")[0] === ".." || !directory.startsWith("/")) {
    throw new StorageError(
      "invalid",
      `${directory} is not in ${place.tree}, of which the filesystem snapshots are`,
      {
        facts: { directory },
      },
    )
  }
  const root = HeldDirectory.at(path)
  try {
    // Opened once, so that a link on the way is noticed.
    root.open(inside).close()
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "missing") throw error
    throw new StorageError("missing", `${directory} was not there when ${name} was made`, {
      facts: { directory, name },
      hint: "Choose a later filesystem snapshot.",
      cause: error,
    })
  } finally {
    root.close()
  }
  const there = join(path, inside)
  if (place.kind === "btrfs" && lstatSync(there, { bigint: true }).ino === ABSENT_SUBVOLUME) {
    throw new StorageError(
      "unsupported",
      `${directory} is a subvolume of its own, which ${name} does not hold`,
      {
        facts: { directory, name },
        hint: "Choose a filesystem snapshot of that subvolume.",
      },
    )
  }
  return there
}
