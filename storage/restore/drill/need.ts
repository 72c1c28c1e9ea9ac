import type { FileContents, SnapshotEntry } from "../../contents.js"
import { spaceAt } from "../../disk/index.js"
import { StorageError } from "../../errors.js"
import type { Snapshot } from "../../repository.js"

/** What a restore takes on the disk. */
export interface Need {
  readonly bytes: number
  readonly entries: number
}

const MOST_ENTRIES = 50_000_000

/** As the writer counted, or by its own walk through all directories where it counted nothing. */
export async function needOf(
  contents: FileContents,
  root: SnapshotEntry,
  { bytes, files }: Pick<Snapshot, "bytes" | "files">,
  signal: AbortSignal | undefined,
): Promise<Need> {
  if (bytes !== undefined && files !== undefined) return { bytes, entries: files }
  const open = [root]
  let [size, entries] = [root.size, 1]
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    if (directory.kind !== "directory") continue
    signal?.throwIfAborted()
    for (const entry of await listed(contents, directory)) {
      size += entry.size
      entries++
      if (entry.kind === "directory") open.push(entry)
    }
    if (entries > MOST_ENTRIES) throw tooMany()
  }
  return { bytes: size, entries }
}

/** What cannot be listed cannot be restored either, and is told there. */
async function listed(contents: FileContents, directory: SnapshotEntry): Promise<readonly SnapshotEntry[]> {
  try {
    return await contents.list(directory)
  } catch (error) {
    if (error instanceof StorageError) return []
    throw error
  }
}

function tooMany(): StorageError {
  return new StorageError("no_space", `the snapshot has more than ${MOST_ENTRIES} entries`)
}

/** Throws StorageError `no_space` when the scratch disk has less room than the need by `factor` and `keepFree` bytes, in bytes or in files. */
export function requireRoom(scratch: string, need: Need, factor: number, keepFree = 0): void {
  const { availableBytes, totalFiles, availableFiles } = spaceAt(scratch)
  const bytes = Math.ceil(need.bytes * factor) + keepFree
  if (availableBytes < bytes) throw refused(scratch, `${availableBytes} bytes free, and ${bytes} are wanted`)
  const files = Math.ceil(need.entries * factor)
  if (totalFiles > 0 && availableFiles < files)
    throw refused(scratch, `room for ${availableFiles} more files, and ${files} are wanted`)
}

function refused(scratch: string, why: string): StorageError {
  return new StorageError("no_space", `the scratch space ${scratch} is too small: ${why}`, {
    facts: { file: scratch },
    hint: "Name scratch space on a larger disk, or make room there.",
  })
}
