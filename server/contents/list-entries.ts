import { findEntry, type Snapshot, type SnapshotContents } from "../../storage/index.js"
import { type EntryJson, entryJson } from "./entry-json.js"
import { walk, type WalkOptions } from "./walk.js"

/** What `ls` lists: what is in the directory at a path, or the one entry that is there. Paths are relative to the snapshot's root. */
export async function* listEntries(
  contents: SnapshotContents,
  snapshot: Snapshot,
  path: string,
  options: WalkOptions,
): AsyncGenerator<EntryJson> {
  const entry = await findEntry(contents, snapshot, path)
  const start = Buffer.from(path)
  if (entry.kind === "directory") yield* walk(contents, start, entry, options)
  else yield entryJson(start, entry, {})
}
