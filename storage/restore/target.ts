import { chmodSync, mkdirSync, realpathSync } from "node:fs"
import { basename, dirname, join, resolve, sep } from "node:path"
import { Pinned } from "../disk/directories/pinned.js"
import { errnoOf } from "../errno.js"
import { StorageError } from "../errors.js"
import { diskFailure } from "./outcome.js"

/** A directory that is being filled, and the mode that it has afterwards where the snapshot knows none. */
export interface Target {
  readonly directory: Pinned
  readonly mode: number
}

/** Every new ext4 has it, and it is in the way of nothing. */
const NO_CONTENT = new Set(["lost+found"])

/**
 * Makes the directory, or takes an empty one, and lets nobody else in for now. Throws StorageError `occupied` when something is in it,
 * `invalid` when it lies in one of `notWithin` (absolute paths: nothing of ours writes into a repository), `missing` when nothing is above.
 */
export function openTarget(path: string, notWithin: readonly string[]): Target {
  const real = realPathOf(path)
  for (const place of notWithin) {
    if (real !== place && !real.startsWith(place.endsWith(sep) ? place : place + sep)) continue
    throw new StorageError("invalid", `${path} lies in the repository`, {
      hint: "Restore to a place outside of it: only its engine writes there.",
    })
  }
  make(real)
  const directory = Pinned.directoryAt(real)
  try {
    const [name] = directory.someNames(1, (one) => !NO_CONTENT.has(one))
    if (name !== undefined) throw occupied(path)
    const { mode } = directory.look()
    chmodSync(directory.self, 0o700)
    return { directory, mode }
  } catch (error) {
    directory.close()
    throw diskFailure(error, path)
  }
}

/** Links in the path itself are the caller's own words. */
function realPathOf(path: string): string {
  const absolute = resolve(path)
  try {
    return realpathSync(absolute)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw diskFailure(error, path)
  }
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute))
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw diskFailure(cause, path)
    throw new StorageError("missing", `there is no ${dirname(absolute)} to make a directory in`, {
      facts: { file: dirname(absolute) },
      hint: "Make it, or mount the disk that is to be there.",
      cause,
    })
  }
}

function make(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw diskFailure(error, path)
  }
}

function occupied(path: string): StorageError {
  return new StorageError("occupied", `${path} is not empty`, {
    facts: { file: path },
    hint: "Name a new directory: what is there already is neither replaced nor mixed with.",
  })
}
