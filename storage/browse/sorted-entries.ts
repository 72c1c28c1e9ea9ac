import type { SnapshotEntry } from "../contents.js"

export interface SortedEntries {
  /** By the bytes of their names, each name once. */
  readonly entries: readonly SnapshotEntry[]
  /** Entries with a name that another entry of the same directory has already. Only a hand makes such a directory. */
  readonly repeated: readonly SnapshotEntry[]
}

/** The entries of one directory in one order, whatever the engine's: that of the bytes of their names. The first of a name counts. */
export function sortedEntries(entries: readonly SnapshotEntry[]): SortedEntries {
  const keyed = entries.map((entry) => ({ key: nameKey(entry.name), entry }))
  // Stable: of two with one name the first stays the first.
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const sorted: SnapshotEntry[] = []
  const repeated: SnapshotEntry[] = []
  let last: string | undefined
  for (const { key, entry } of keyed) {
    if (key === last) repeated.push(entry)
    else sorted.push(entry)
    last = key
  }
  return { entries: sorted, repeated }
}

/** A name as text that compares like its bytes. */
export function nameKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("latin1")
}
