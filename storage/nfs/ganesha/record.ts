import { StorageError } from "../../errors.js"
import { checkExport, type NfsExport } from "../export.js"
import { exportsOfLines, renderExportLines } from "../exports-file.js"
import { ownedText } from "../own-file.js"
import { renderGaneshaExport } from "./config.js"

/** An export with its number in the server, which clients' file handles carry: it stays as long as the export is there. */
export interface NumberedExport {
  readonly id: number
  readonly export: NfsExport
}

export interface RecordedExport extends NumberedExport {
  /** It has to be closed and opened again, because the server fixes what changed when it opens an export. */
  readonly reopen: boolean
}

export interface FormerExport extends NumberedExport {
  /** The server was seen without it. */
  readonly gone: boolean
}

/** What our file knows of the server's exports. */
export interface GaneshaRecord {
  /** What is ours, by path. */
  readonly entries: readonly RecordedExport[]
  /** What was ours, oldest first. It gets its number again when it comes back. */
  readonly former: readonly FormerExport[]
  /** The number that is given next: an old handle must not find another export under its number soon. */
  readonly next: number
}

export const FIRST_ID = 50_000
export const LAST_ID = 59_999

export const emptyRecord: GaneshaRecord = { entries: [], former: [], next: FIRST_ID }

/**
 * The text of the file that a starting server loads. What lies on a filesystem that has to be mounted first is only recorded, in
 * comments: opened too early, the server would serve the bare mount point, and go on doing so after the mount.
 */
export function renderGaneshaFile(owner: string, { entries, former, next }: GaneshaRecord): string {
  const lines = entries.map(({ id, export: one, reopen }) => {
    const line = `# ${reopen ? "reopen" : "export"} ${id} ${renderExportLines([one])}`
    return isAlwaysThere(one) ? line + renderGaneshaExport(one, id) : line
  })
  const left = former.map(
    ({ id, export: one, gone }) => `# ${gone ? "former" : "leaving"} ${id} ${renderExportLines([one])}`,
  )
  return ownedText(owner, [`# next ${next}\n`, ...lines, ...left].join(""))
}

/** Whether a starting server finds the directory itself at its path, and not the place where it is to be mounted. */
export function isAlwaysThere({ mountPoint }: NfsExport): boolean {
  return mountPoint === undefined
}

/** What renderGaneshaFile recorded in these lines. Only for lines that are known to be its own. */
export function recordOfLines(lines: readonly string[]): GaneshaRecord {
  const found = lines.map((line) => RECORD.exec(line)).filter((match) => match !== null)
  const numbered = (words: readonly string[]): (NumberedExport & { word: string })[] =>
    found
      .filter(([, word = ""]) => words.includes(word))
      .flatMap(([, word = "", id, line = ""]) =>
        exportsOfLines([line]).map((one) => ({ id: Number(id), export: one, word })),
      )
  return {
    entries: numbered(["export", "reopen"]).map(({ id, export: one, word }) => ({
      id,
      export: one,
      reopen: word === "reopen",
    })),
    former: numbered(["former", "leaving"]).map(({ id, export: one, word }) => ({
      id,
      export: one,
      gone: word === "former",
    })),
    next: Number(found.find(([, word]) => word === "next")?.[2] ?? FIRST_ID),
  }
}

const RECORD = /^# (next|export|reopen|former|leaving) (5\d{4})(?: (\/.*))?$/

/** The same for lines that somebody may have changed: those that cannot be ours say nothing. */
export function recordOfForeignLines(lines: readonly string[]): GaneshaRecord {
  return recordOfLines(
    lines.filter((line) => {
      try {
        const { entries, former } = recordOfLines([line])
        for (const { export: one } of [...entries, ...former]) checkExport(one)
        return true
      } catch (error) {
        if (error instanceof StorageError) return false
        throw error
      }
    }),
  )
}
