import { StorageError } from "../../errors.js"
import { bytesOfKibibytes } from "./quota.js"

/** What a filesystem knows of one project. 0 limits nothing. */
export interface ProjectFigures {
  readonly usedBytes: number
  readonly softBytes: number
  readonly hardBytes: number
  readonly usedFiles: number
  readonly softFiles: number
  readonly hardFiles: number
}

/** The project in what `lsattr -pd` writes: " 1001 -------------------P-- /path". 0 is none. */
export function parseLsattr(text: string): number {
  const digits = /^\s*(\d+)\s/.exec(text)?.[1]
  if (digits === undefined)
    throw new StorageError("corrupt", `lsattr told no project: ${JSON.stringify(text.slice(0, 200))}`)
  return Number(digits)
}

const blocks = String.raw`\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+ \[[^\]]*\]`

/**
 * A project in what `xfs_quota -c 'report -p -b -i -n -N'` writes, in KiB (reference nas-platforms.md §5.2); undefined where it
 * is not told: it does not exist, or the right to look is missing.
 *
 * #1001            20480      20480      20480     00 [--------]          2        100        100     00 [--------]
 */
export function parseXfsReport(text: string, project: number): ProjectFigures | undefined {
  const match = new RegExp(`^#${project}${blocks}${blocks}\\s*$`, "m").exec(text)
  if (match !== null) return figures(match.slice(1, 4), match.slice(4, 7))
  refuseOtherShape(text, project)
  return undefined
}

/**
 * The same in what `repquota -P -n -p -O csv` writes, in KiB (reference nas-platforms.md §5.3).
 *
 * #1001,hard,ok,61441,20480,20480,604800,3,100,100,0
 */
export function parseRepquota(text: string, project: number): ProjectFigures | undefined {
  const number = String.raw`(\d+)`
  const row = `^#${project},\\w+,\\w+,${number},${number},${number},[^,]*,${number},${number},${number},[^,]*$`
  const match = new RegExp(row, "m").exec(text)
  if (match !== null) return figures(match.slice(1, 4), match.slice(4, 7))
  refuseOtherShape(text, project)
  return undefined
}

function figures(kibibytes: readonly string[], files: readonly string[]): ProjectFigures {
  const [usedBytes = 0, softBytes = 0, hardBytes = 0] = kibibytes.map(Number).map(bytesOfKibibytes)
  const [usedFiles = 0, softFiles = 0, hardFiles = 0] = files.map(Number)
  return { usedBytes, softBytes, hardBytes, usedFiles, softFiles, hardFiles }
}

/** A row that is there and cannot be read is not a row that is missing. */
function refuseOtherShape(text: string, project: number): void {
  const row = text.split("\n").find((line) => new RegExp(`^#${project}\\b`).test(line))
  if (row !== undefined)
    throw new StorageError("corrupt", `no row of a report on projects: ${JSON.stringify(row.slice(0, 200))}`)
}
