import type { FileTree, TreeEntry } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { Notice, Writer } from "../repository.js"
import { readHashNamed } from "./hash-named.js"
import { LONGEST_LOCK_FILE, parseLock } from "./lock-file.js"
import type { SealKey } from "./sealed.js"
import { openUnpacked } from "./unpacked-file.js"

export interface Locks {
  readonly writers: readonly Writer[]
  readonly notices: readonly Notice[]
}

/**
 * Who seems to use the repository. `key` is undefined without the password: then only the time of a lock is known. A lock
 * that is gone before it is read is nobody's any more; an empty one is ignored, as restic does; one that cannot be
 * understood counts, because its owner may be at work.
 */
export async function readLocks(
  files: FileTree,
  entries: readonly TreeEntry[],
  key: SealKey | undefined,
): Promise<Locks> {
  const writers: Writer[] = []
  const notices: Notice[] = []
  for (const entry of entries) {
    const file = `locks/${entry.name}`
    if (entry.length === 0) {
      notices.push({ code: "empty_file", message: `${file} is empty; restic ignores it`, file })
      continue
    }
    if (key === undefined) {
      writers.push(unknownWriter(entry))
      continue
    }
    try {
      writers.push(await readWriter(files, entry, key))
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      if (error.code === "missing") continue
      // The disk's or the mount's trouble is not the lock's.
      if (error.code === "io" || error.code === "timeout") throw error
      notices.push({ code: "unreadable_lock", message: error.message, file })
      writers.push(unknownWriter(entry))
    }
  }
  return { writers, notices }
}

async function readWriter(files: FileTree, entry: TreeEntry, key: SealKey): Promise<Writer> {
  const sealed = await readHashNamed(files, "locks", entry.name, LONGEST_LOCK_FILE)
  const lock = parseLock(openUnpacked(key, sealed, `locks/${entry.name}`, LONGEST_LOCK_FILE), entry.name)
  return {
    id: entry.name,
    user: lock.user,
    host: lock.host,
    // A lock is renewed by writing a new one. Its time is by the writer's clock and the file's by the server's; the
    // later of the two errs towards a writer that is still at work.
    lastSeen: lock.time > entry.modified ? lock.time : entry.modified,
    exclusive: lock.exclusive,
  }
}

function unknownWriter({ name, modified }: TreeEntry): Writer {
  return { id: name, user: undefined, host: undefined, lastSeen: modified, exclusive: undefined }
}
