import {
  type Repository,
  type Snapshot,
  type SnapshotContents,
  type SnapshotEntry,
  StorageError,
} from "../../../storage/index.js"
import type { Failure } from "../../../storage/restore/index.js"
import type { JobContext } from "../../jobs/index.js"

/** So many files are read again: each of them is enough. */
const MOST_AGAIN = 50
const SLASH = 0x2f

/** Whether a snapshot is still there. What retention took away lacks its contents, and is not damaged. */
export async function isListed(
  repository: Repository,
  { start, root }: Snapshot,
  signal: AbortSignal,
): Promise<boolean> {
  const { snapshots } = await repository.list({ signal })
  return snapshots.some((one) => one.start === start && one.root === root)
}

/** Those that cannot be read this time either, with indexes that were read anew. Throws the signal's reason. */
export async function readAgain(
  repository: Repository,
  snapshot: Snapshot,
  failed: readonly Failure[],
  { signal }: JobContext,
): Promise<{ path: string; code: string }[]> {
  const contents = await repository.openContents({ signal })
  const again: { path: string; code: string }[] = []
  for (const { path } of failed.slice(0, MOST_AGAIN)) {
    signal.throwIfAborted()
    try {
      await readWhole(contents, await entryAt(contents, snapshot, Buffer.from(path)), signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof StorageError)) throw error
      if (["missing", "corrupt", "invalid"].includes(error.code))
        again.push({ path: `/${Buffer.from(path).toString()}`, code: error.code })
    }
  }
  return again
}

async function entryAt(contents: SnapshotContents, snapshot: Snapshot, path: Buffer): Promise<SnapshotEntry> {
  let entry = contents.root(snapshot)
  // Kopia also backs up a single file, which is the root.
  if (entry.kind !== "directory") return entry
  for (let rest = path; rest.length > 0;) {
    const end = rest.indexOf(SLASH)
    const name = end < 0 ? rest : rest.subarray(0, end)
    rest = end < 0 ? Buffer.alloc(0) : rest.subarray(end + 1)
    const found = (await contents.list(entry)).find((one) => name.equals(one.name))
    if (found === undefined) throw new StorageError("missing", `${path.toString()} is not in the snapshot`)
    entry = found
  }
  return entry
}

async function readWhole(
  contents: SnapshotContents,
  entry: SnapshotEntry,
  signal: AbortSignal,
): Promise<void> {
  if (entry.kind === "directory") await contents.list(entry)
  else if (entry.kind === "symlink") await contents.target(entry)
  else if (entry.kind === "file") {
    for await (const piece of contents.read(entry)) {
      signal.throwIfAborted()
      if (piece.length === 0) continue
    }
  }
}
