import type { BlobRecord } from "./ledger.js"
import { compareDue, type DueFile, hasChanged, type Selection } from "./select.js"
import type { StoredFile } from "./stored-file.js"

/** What one of many short scrubs reads, so that all of them together read everything again within a time. */
export interface Share {
  /** Everything is read again within so long. */
  readonly everyMs: number
  /** How often such a scrub comes. */
  readonly periodMs: number
  /** Paths that are read whatever is known of them: what was not right when it was read last. */
  readonly again: ReadonlySet<string>
}

/** So many times its usual share is the most that one scrub reads of what is due: what was missed for weeks is not read at once. */
const MOST_SHARES = 8
/** So much faster than evenly it may be read: else whatever was read too early once would be read too early for ever. */
const FASTER = 1.25
/** What opening a file costs, in bytes that could be read meanwhile. */
const OPENING = 64 * 1024

/**
 * What is to be read now: all that was never read or is not what was read, and what is to be read again; of the rest, the oldest, and
 * as little as lets every file have its turn in time when each of the scrubs to come reads its even share.
 */
export function selectShare(
  files: readonly StoredFile[],
  known: (path: string) => BlobRecord | undefined,
  now: number,
  { everyMs, periodMs, again }: Share,
): Selection {
  const due: DueFile[] = []
  const rest: Aged[] = []
  let total = 0
  for (const file of files) {
    const record = known(file.path)
    total += costOf(file)
    if (record === undefined) due.push({ file, day: -Infinity })
    else if (hasChanged(file, record) || again.has(file.path)) due.push({ file, day: 0 })
    // A clock that was wrong when it was read says nothing of its age.
    else rest.push({ file, checked: record.lastChecked > now ? now - everyMs : record.lastChecked })
  }
  rest.sort((one, other) => one.checked - other.checked || (one.file.path < other.file.path ? -1 : 1))
  for (const { file, checked } of oldest(rest, { now, everyMs, periodMs, rate: total / everyMs }))
    due.push({ file, day: Math.floor(checked / DAY_MS) })
  due.sort(compareDue)
  return { due: due.map(({ file }) => file), skipped: files.length - due.length }
}

const DAY_MS = 86_400_000

interface Aged {
  readonly file: StoredFile
  readonly checked: number
}

interface Terms {
  readonly now: number
  readonly everyMs: number
  readonly periodMs: number
  /** Bytes a millisecond by which everything is read once in `everyMs`. */
  readonly rate: number
}

function oldest(sorted: readonly Aged[], { now, everyMs, periodMs, rate }: Terms): readonly Aged[] {
  // For each file: what has to be read up to it, less what can still be read until its time is over.
  let [upTo, wanted] = [0, 0]
  for (const { file, checked } of sorted) {
    upTo += costOf(file)
    wanted = Math.max(wanted, upTo - FASTER * rate * Math.max(0, checked + everyMs - now - periodMs))
  }
  const budget = Math.min(wanted, MOST_SHARES * rate * periodMs)
  let count = 0
  for (let sum = 0; count < sorted.length; count++) {
    const one = sorted[count]
    if (one === undefined) break
    sum += costOf(one.file)
    // One that is larger than any share has its turn by itself.
    if (sum > budget && (count > 0 || sum > wanted)) break
  }
  return sorted.slice(0, count)
}

function costOf({ length }: StoredFile): number {
  return length + OPENING
}
