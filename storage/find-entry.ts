import type { SnapshotContents, SnapshotEntry } from "./contents.js"
import { StorageError } from "./errors.js"
import type { Snapshot } from "./repository.js"

/**
 * What lies at a path in a snapshot; "/" at its ends and between names counts once, and no path is the root. Links are not followed:
 * they lead where they lead on the machine that restores. Throws `missing` with what is there instead, else as the contents do.
 */
export async function findEntry(
  contents: SnapshotContents,
  snapshot: Snapshot,
  path: string,
): Promise<SnapshotEntry> {
  let entry = contents.root(snapshot)
  let above = ""
  for (const name of path.split("/").filter((part) => part !== "")) {
    if (entry.kind !== "directory") throw nothingAt(above + "/" + name, `${above} is no directory`)
    const wanted = Buffer.from(name)
    const found = (await contents.list(entry)).find((one) => wanted.equals(one.name))
    if (found === undefined) throw nothingAt(above + "/" + name, "its directory has no such name")
    entry = found
    above += "/" + name
  }
  return entry
}

function nothingAt(path: string, why: string): StorageError {
  return new StorageError("missing", `nothing is at ${path} in this snapshot: ${why}`, {
    facts: { path },
    hint: "`cistern ls` shows what is in it.",
  })
}
