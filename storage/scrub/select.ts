import type { BlobRecord } from "./ledger.js"
import type { StoredFile } from "./stored-file.js"

const DAY_MS = 86_400_000

export interface Selection {
  /** In the order in which they are read. */
  readonly due: readonly StoredFile[]
  /** Files that were read lately enough. */
  readonly skipped: number
}

/**
 * What is to be read: all that was not found right since `since` (milliseconds), those never read first, then by the day of their
 * last reading, the oldest first. Within a day they come as they lie on the disk, as far as the numbers of their inodes tell.
 */
export function selectDue(
  files: readonly StoredFile[],
  known: (path: string) => BlobRecord | undefined,
  since: number,
): Selection {
  const due: DueFile[] = []
  for (const file of files) {
    const record = known(file.path)
    if (record === undefined) due.push({ file, day: -Infinity })
    else if (record.lastChecked < since || hasChanged(file, record))
      due.push({ file, day: Math.floor(record.lastChecked / DAY_MS) })
  }
  due.sort(compareDue)
  return { due: due.map(({ file }) => file), skipped: files.length - due.length }
}

export interface DueFile {
  readonly file: StoredFile
  /** Of its last reading, counted from 1970; -Infinity: never. */
  readonly day: number
}

export function compareDue(a: DueFile, b: DueFile): number {
  return compare(a.day, b.day) || compare(a.file.inode, b.file.inode) || compare(a.file.path, b.file.path)
}

/** Whether a look at the file alone shows that what was proven is not what lies there now. */
export function hasChanged(file: StoredFile, record: BlobRecord): boolean {
  return file.length !== record.length || file.modified !== record.modified
}

function compare<T extends number | bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const MOST_FILES = 64
const MOST_BYTES = 1024 * 1024

/** Cuts into pieces that a reader is given at once: few messages for small files, and large ones each by itself. */
export function* batches(files: readonly StoredFile[]): Generator<readonly StoredFile[]> {
  let batch: StoredFile[] = []
  let bytes = 0
  for (const file of files) {
    if (batch.length > 0 && (batch.length === MOST_FILES || bytes + file.length > MOST_BYTES)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(file)
    bytes += file.length
  }
  if (batch.length > 0) yield batch
}
