import type { BlobRecord, ScrubReport } from "../../../storage/scrub/index.js"

/** What is not right, by path. */
export type Troubles = ReadonlyMap<string, string>

export interface TroubleTerms {
  readonly report: Pick<ScrubReport, "bad" | "unread">
  /** What the ledger knows now. */
  readonly known: (path: string) => BlobRecord | undefined
  /** When this run began, Unix milliseconds. */
  readonly started: number
  /** Everything that lies there; undefined: that could not be listed without a gap. */
  readonly there: ReadonlySet<string> | undefined
}

/** What is not right after a run, and what was damaged before and is gone now: a prune took it, or somebody. Pure. */
export function troublesAfter(
  before: Troubles,
  { report, known, started, there }: TroubleTerms,
): { readonly now: Troubles; readonly gone: readonly string[] } {
  const now = new Map<string, string>()
  const gone: string[] = []
  for (const { blob, code } of [...report.unread, ...report.bad]) now.set(blob, code)
  for (const [path, code] of before) {
    if (now.has(path)) continue
    const record = known(path)
    if (record !== undefined && record.lastChecked >= started) continue
    // Perhaps it is being written, or the run stopped before it: what was known of it still holds.
    if (there === undefined || there.has(path)) now.set(path, code)
    else if (damageCodes.has(code)) gone.push(path)
  }
  return { now, gone }
}

export const damageCodes: ReadonlySet<string> = new Set(["corrupt", "io", "missing", "misplaced"])
