import { StorageError } from "../../errors.js"

export interface ZfsSnapshotRow {
  /** Without the dataset. */
  readonly name: string
  /** Unix milliseconds; ZFS keeps seconds. */
  readonly createdAt: number
  readonly usedBytes: number
  /** How many hold it. */
  readonly userReferences: number
  readonly reason: string | undefined
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined
}

export const snapshotColumns = [
  "name",
  "creation",
  "used",
  "userrefs",
  "cistern:reason",
  "cistern:expires",
] as const

/**
 * What `zfs list -Hp -t snapshot` writes of these columns: tabs between them, seconds, bytes, "-" for a property that is not
 * set. Throws StorageError `corrupt` for a line of another shape.
 */
export function parseZfsSnapshots(text: string, dataset: string): ZfsSnapshotRow[] {
  return linesOf(text).map((line) => {
    const [full, creation, used, references, reason, expires] = line.split("\t")
    const name = full?.startsWith(`${dataset}@`) === true ? full.slice(dataset.length + 1) : ""
    if (name === "" || expires === undefined || ![creation, used, references].every(isNumber))
      throw new StorageError("corrupt", `no line of zfs list: ${JSON.stringify(line.slice(0, 200))}`)
    return {
      name,
      createdAt: Number(creation) * 1000,
      usedBytes: Number(used),
      userReferences: Number(references),
      reason: reason === "-" ? undefined : reason,
      expiresAt: expires === "-" ? undefined : timeOf(expires, line),
    }
  })
}

/** The tags in what `zfs holds -H` writes: snapshot, tag and time, tabs between them. */
export function parseZfsHolds(text: string): string[] {
  return linesOf(text).map((line) => {
    const [, tag] = line.split("\t")
    if (tag !== undefined && tag !== "") return tag
    throw new StorageError("corrupt", `no line of zfs holds: ${JSON.stringify(line.slice(0, 200))}`)
  })
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "")
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text)
}

function timeOf(text: string, line: string): number {
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw new StorageError("corrupt", `no time in a line of zfs list: ${JSON.stringify(line.slice(0, 200))}`)
}
