import { StorageError } from "../../errors.js"

/** What btrfs knows of one subvolume's use. "none": no limit. */
export interface QgroupFigures {
  readonly referenced: number
  /** What no other subvolume refers to. */
  readonly exclusive: number
  readonly maxReferenced: number | "none"
  readonly maxExclusive: number | "none"
}

// Qgroupid    Referenced    Exclusive  Max referenced  Max exclusive   Path
// --------    ----------    ---------  --------------  -------------   ----
// 0/256         52412416     52412416        62914560           none   s
/**
 * The row of one subvolume in what `btrfs qgroup show -re --raw` writes; undefined where there is none. Version 5 writes no
 * path (reference nas-platforms.md §5.4). Throws StorageError `corrupt` for a row of another shape.
 */
export function parseQgroupTable(text: string, subvolume: number): QgroupFigures | undefined {
  const line = text.split("\n").find((row) => row.trimStart().startsWith(`0/${subvolume} `))
  if (line === undefined) return undefined
  const match = /^\s*\d+\/\d+\s+(\d+)\s+(\d+)\s+(\d+|none)\s+(\d+|none)(\s|$)/.exec(line)
  const [, referenced, exclusive, maxReferenced, maxExclusive] = match ?? []
  if (
    referenced === undefined ||
    exclusive === undefined ||
    maxReferenced === undefined ||
    maxExclusive === undefined
  )
    throw new StorageError("corrupt", `no row of btrfs qgroup show: ${JSON.stringify(line.slice(0, 200))}`)
  return {
    referenced: Number(referenced),
    exclusive: Number(exclusive),
    maxReferenced: numberOrNone(maxReferenced),
    maxExclusive: numberOrNone(maxExclusive),
  }
}

function numberOrNone(text: string): number | "none" {
  return text === "none" ? "none" : Number(text)
}
