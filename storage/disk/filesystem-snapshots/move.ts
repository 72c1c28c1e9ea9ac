import { renameSync } from "node:fs"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { HeldDirectory } from "../open-directory.js"

/** Moves a directory within its filesystem. Throws StorageError `io` that names both places. */
export function move(from: HeldDirectory, name: string, to: HeldDirectory, newName: string): void {
  try {
    renameSync(from.entry(name), to.entry(newName))
  } catch (cause) {
    const errno = errnoOf(cause) ?? "unknown"
    throw new StorageError("io", `${from.path}/${name} cannot be moved to ${to.path}/${newName} (${errno})`, {
      facts: { from: `${from.path}/${name}`, to: `${to.path}/${newName}`, errno },
      hint:
        errno === "ENOTEMPTY" || errno === "EEXIST"
          ? "Somebody made a directory of that name meanwhile: keep clients out first."
          : "Look at the kernel log and at the health of the filesystem.",
      cause,
    })
  }
}
