import type { FileTree } from "../blobs/index.js"
import { StorageError } from "../errors.js"
import type { ContentOpener, StoredItem } from "../stored-contents.js"
import { damageCodeOf } from "./damage-code.js"
import type { PackJob } from "./pack-plan.js"
import type { DamageCode } from "./types.js"

/** One read is as long as this, so that a disk has few and memory little to hold. A single content may be longer. */
const LONGEST_READ = 4 * 1024 * 1024
/** What lies between two contents and nobody needs is read along when it is less. */
const WIDEST_GAP = 128 * 1024

export interface JobResult {
  /** By the number of the item. */
  readonly lost: readonly { readonly item: number; readonly code: DamageCode }[]
  readonly endDamaged: boolean
  readonly bytes: number
}

/** Reads and checks what a job names. What seems damaged is read twice before it is called so. Throws what is no damage. */
export async function readPack(files: FileTree, opener: ContentOpener, job: PackJob): Promise<JobResult> {
  const lost: { item: number; code: DamageCode }[] = []
  let bytes = 0
  const { items, refused } = withoutPiles(job, opener)
  for (const item of refused) lost.push({ item, code: "corrupt" })
  for (const { from, to, start, end } of stretches(items)) {
    const stretch = await attempt(() => files.readRange(job.file, start, end - start))
    bytes += end - start
    for (const { at, item } of items.slice(from, to)) {
      const code = await checkItem(files, opener, job.file, item, stretch, start)
      if (code !== undefined) lost.push({ item: at, code })
    }
  }
  const endDamaged = job.end && (await isEndDamaged(files, opener, job))
  return { lost, endDamaged, bytes }
}

interface Numbered {
  readonly at: number
  readonly item: StoredItem
}

/** So many bytes may lie under two contents, where none should. */
const MOST_SHARED = 64 * 1024 * 1024

/**
 * Contents lie side by side, and none is longer than its engine makes it. An index that was made by hand could else have the same bytes
 * read a million times, or more at once than there is memory.
 */
function withoutPiles(
  { items, length }: PackJob,
  opener: ContentOpener,
): { readonly items: readonly Numbered[]; readonly refused: readonly number[] } {
  const kept: Numbered[] = []
  const refused: number[] = []
  let end = 0
  let left = Math.min(length, MOST_SHARED)
  for (const [at, item] of items.entries()) {
    const isOnAnother = item.offset < end
    const isTooLong = item.length > opener.longest(item)
    if (isOnAnother && !isTooLong) left -= item.length
    if (isTooLong || (isOnAnother && left < 0)) {
      refused.push(at)
      continue
    }
    kept.push({ at, item })
    end = Math.max(end, item.offset + item.length)
  }
  return { items: kept, refused }
}

interface Stretch {
  /** Numbers in what is left of the items. */
  readonly from: number
  readonly to: number
  readonly start: number
  readonly end: number
}

function* stretches(items: readonly Numbered[]): Generator<Stretch> {
  for (let from = 0; from < items.length;) {
    const first = items[from]?.item
    if (first === undefined) return
    let end = first.offset + first.length
    let to = from + 1
    for (let next = items[to]?.item; next !== undefined; next = items[++to]?.item) {
      const longer = Math.max(end, next.offset + next.length)
      if (next.offset - end > WIDEST_GAP || longer - first.offset > LONGEST_READ) break
      end = longer
    }
    yield { from, to, start: first.offset, end }
    from = to
  }
}

async function checkItem(
  files: FileTree,
  opener: ContentOpener,
  file: string,
  item: StoredItem,
  stretch: Uint8Array | StorageError,
  start: number,
): Promise<DamageCode | undefined> {
  const { offset, length } = item
  if (!(stretch instanceof StorageError)) {
    const first = await attempt(() => {
      opener.check(item, stretch.subarray(offset - start, offset - start + length), file)
    })
    if (!(first instanceof StorageError)) return undefined
  }
  const second = await attempt(async () => {
    opener.check(item, await files.readRange(file, offset, length), file)
  })
  return second instanceof StorageError ? codeOf(second) : undefined
}

async function isEndDamaged(
  files: FileTree,
  opener: ContentOpener,
  { file, length }: PackJob,
): Promise<boolean> {
  const check = () => opener.checkEnd((from, count) => files.readRange(file, from, count), length, file)
  const first = await attempt(check)
  if (!(first instanceof StorageError)) return false
  return (await attempt(check)) instanceof StorageError
}

function codeOf(error: StorageError): DamageCode {
  const code = damageCodeOf(error)
  if (code === undefined) throw error
  return code === "corrupt" && error.facts["fileLength"] !== undefined ? "truncated" : code
}

/** A failure that says something of what was read is an answer here. */
async function attempt<T>(action: () => Promise<T> | T): Promise<T | StorageError> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof StorageError && damageCodeOf(error) !== undefined) return error
    throw error
  }
}
