import { StorageError } from "../../errors.js"

/** What the kernel's NFS server did since it was loaded, or since the machine started. */
export interface ServerCounters {
  readonly threads: number
  readonly readBytes: number
  readonly writtenBytes: number
  /** Calls of version 3, and of them those that read and write; undefined where this kernel has no version 3. */
  readonly version3: Calls | undefined
  /** Compounds of version 4, and the operations in them that read and write. */
  readonly version4: Calls | undefined
}

export interface Calls {
  readonly calls: number
  readonly reads: number
  readonly writes: number
}

/** Places in the lists: RFC 1813 §3 and RFC 7530 §16. */
const READ_3 = 6
const WRITE_3 = 7
const COMPOUND = 1
const READ_4 = 25
const WRITE_4 = 38

/**
 * Reads `/proc/net/rpc/nfsd` (reference nas-platforms.md §1.5): a name and numbers in each line, of `proc3`, `proc4` and `proc4ops` the
 * first says how many follow. Unknown lines are passed over. Throws StorageError `corrupt` without `io` and `th`.
 */
export function parseServerCounters(text: string, file: string): ServerCounters {
  const lines = new Map(
    text.split("\n").map((line) => {
      const [name = "", ...numbers] = line.trim().split(" ")
      return [name, numbers.map(Number)] as const
    }),
  )
  const [[readBytes, writtenBytes], [threads]] = [lines.get("io") ?? [], lines.get("th") ?? []]
  if (!isCount(readBytes) || !isCount(writtenBytes) || !isCount(threads)) {
    throw new StorageError("corrupt", `${file}: not the counters of an NFS server`, { facts: { file } })
  }
  const [three, four, operations] = ["proc3", "proc4", "proc4ops"].map((name) => lines.get(name)?.slice(1))
  return {
    threads,
    readBytes,
    writtenBytes,
    version3: three && { calls: sum(three), reads: at(three, READ_3), writes: at(three, WRITE_3) },
    version4:
      four && operations
        ? { calls: at(four, COMPOUND), reads: at(operations, READ_4), writes: at(operations, WRITE_4) }
        : undefined,
  }
}

function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value)
}

function at(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, count) => total + count, 0)
}
